"""The two ``kd_loss`` functions that TextBrewer itself brings."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import torch


def textbrewer_loss(name: str) -> Callable[..., torch.Tensor]:
    """A loss function of TextBrewer's, untouched.

    Args:
        name: Its name in ``textbrewer.losses``.
    """
    with warnings.catch_warnings():
        # Its regular expressions are not raw strings, which Python says whenever it compiles them first.
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        from textbrewer import losses  # heavy: brings torch
    return cast("Callable[..., torch.Tensor]", getattr(losses, name))
