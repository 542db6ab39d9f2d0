"""From logits to probabilities, in full precision whatever surrounds the loss."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch.amp.autocast_mode import is_autocast_available


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """A context without autocast: half precision cannot hold exp(-2/λ) even at the default λ.

    Args:
        device: Where the logits lie.
    """
    if not is_autocast_available(device.type) or not torch.is_autocast_enabled(device.type):
        return nullcontext()
    return torch.autocast(device_type=device.type, enabled=False)


def loss_dtype(student_logits: torch.Tensor, teacher_logits: torch.Tensor) -> torch.dtype:
    """The type a loss is computed and returned in: the wider of both, and at least float32."""
    both = torch.promote_types(student_logits.dtype, teacher_logits.dtype)
    return torch.promote_types(both, torch.float32)


def widest(device: torch.device) -> torch.dtype:
    """The type of masses: in float32 they would sum to 1 up to 1e-7 only, and no plan could be held to less."""
    return torch.float32 if device.type == "mps" else torch.float64


def log_probabilities(logits: torch.Tensor, temperature: float | torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Logarithm of the softmax over the last dimension at a temperature.

    Args:
        logits: ``(..., classes)``; an entry of -inf is a class of probability zero.
        temperature: A number, or a tensor that broadcasts against ``logits``.
        dtype: Type to compute in.

    Returns:
        ``(..., classes)``; finite for every finite logit that is not out of the type's range below its row's largest.
    """
    return torch.log_softmax(_over_temperature(logits, temperature, dtype), dim=-1)


def probabilities(logits: torch.Tensor, temperature: float, dtype: torch.dtype) -> torch.Tensor:
    """The softmax over the last dimension at a temperature.

    Args:
        logits: ``(..., classes)``; an entry of -inf is a class of probability zero.
        temperature: A positive number.
        dtype: Type to compute in.
    """
    return torch.softmax(_over_temperature(logits, temperature, dtype), dim=-1)


def _over_temperature(logits: torch.Tensor, temperature: float | torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    wide = logits.to(dtype)
    if not isinstance(temperature, torch.Tensor) and temperature >= 1:
        return wide if temperature == 1 else wide / temperature
    # Shifted first: huge logits over a temperature below one would overflow, and the softmax does not see a shift.
    return (wide - wide.detach().amax(dim=-1, keepdim=True)) / temperature
