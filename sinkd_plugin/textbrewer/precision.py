"""The precision that models compute in; their losses are float32 whatever it is."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

Precision = Literal["fp32", "bf16", "fp16"]
_HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
MOST_SKIPPED = 25
"""Steps in a row that fp16 may skip: by then the scale has come down from 65536 to less than 1."""


def autocast(precision: Precision, device: torch.device | str, *, enabled: bool = True) -> AbstractContextManager[None]:
    """The autocast of a precision; off, inside of it, where ``enabled`` is off."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, _HALF[precision], enabled=enabled)


def scaler_of(precision: Precision, device: torch.device | str) -> torch.amp.GradScaler:
    """The scale of the loss that keeps small gradients from vanishing in fp16; none in other precisions."""
    return torch.amp.GradScaler(torch.device(device).type, enabled=precision == "fp16")
