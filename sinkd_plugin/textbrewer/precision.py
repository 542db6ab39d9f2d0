"""The precision that models compute in; their losses are float32 whatever it is."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

Precision = Literal["fp32", "bf16"]
_HALF = {"bf16": torch.bfloat16}


def autocast(precision: Precision, device: torch.device | str, *, enabled: bool = True) -> AbstractContextManager[None]:
    """The autocast of a precision; off, inside of it, where ``enabled`` is off."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, _HALF[precision], enabled=enabled)
