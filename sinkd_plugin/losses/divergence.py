"""What the row-wise divergences share: temperature, precision, and how rows become one number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.ot.checks import check_logits
from sinkd_plugin.ot.probabilities import full_precision, log_probabilities, loss_dtype

Reduction = Literal["mean", "sum"]


def divergence(
    per_class: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    *,
    temperature: float | torch.Tensor,
    reduction: Reduction,
    scale_by_temperature_squared: bool,
) -> torch.Tensor:
    """Sum a function of both log-probabilities over the classes, and reduce over the rows.

    Args:
        per_class: Takes the student's and the teacher's ``(..., classes)`` log-probabilities, returns as many terms.
        student_logits: ``(..., classes)``.
        teacher_logits: ``(..., classes)``; never receives a gradient.
        temperature: A positive number, or a tensor ``(...)`` with one for each row.
        reduction: ``"mean"`` or ``"sum"`` over the rows.
        scale_by_temperature_squared: Multiply each row by its τ².

    Returns:
        0-dim, of the wider type of both logits and at least float32; 0 for no rows.

    Raises:
        LossInputError: If the logits are unusable (see ``check_logits``), the temperature is not positive or has
            another shape than the rows, or the reduction is unknown.
    """
    check_logits(student_logits, teacher_logits)
    _check_reduction(reduction)
    scale = _per_row(temperature, student_logits)
    dtype = loss_dtype(student_logits, teacher_logits)
    with full_precision(student_logits.device):
        student = log_probabilities(student_logits, scale, dtype)
        teacher = log_probabilities(teacher_logits.detach(), scale, dtype)
        terms = per_class(student, teacher)
        total = (terms * scale**2 if scale_by_temperature_squared else terms).sum()
        rows = student_logits[..., 0].numel()
        return (total / max(rows, 1) if reduction == "mean" else total).to(dtype)


def relative_entropy(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """Terms ``p log(p/q)``: 0 where p is 0 (also where q is), infinite where only q is.

    Args:
        log_p: ``(..., classes)``.
        log_q: ``(..., classes)``.
    """
    p = log_p.exp()
    # Masked before the product: 0 · (-inf) would be NaN, and so would its gradient after a mask.
    return p * (log_p - log_q).masked_fill(p == 0, 0.0)


def _per_row(temperature: float | torch.Tensor, logits: torch.Tensor) -> float | torch.Tensor:
    if not isinstance(temperature, torch.Tensor):
        if not 0 < temperature < math.inf:
            raise LossInputError("The temperature must be positive and finite.", received=temperature)
        return temperature
    if temperature.dim() and temperature.shape != logits.shape[:-1]:
        raise LossInputError(
            "A tensor of temperatures must have one entry for each row of the logits.",
            received=f"{tuple(temperature.shape)} for logits {tuple(logits.shape)}",
        )
    return temperature.detach().to(logits.device).unsqueeze(-1)


def _check_reduction(reduction: str) -> None:
    if reduction not in ("mean", "sum"):
        raise LossInputError("The reduction must be 'mean' or 'sum'.", received=repr(reduction))
