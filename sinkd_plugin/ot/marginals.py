"""How much each row counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.ot.probabilities import widest


@dataclass(frozen=True, kw_only=True)
class Marginals:
    """Weights of the rows of both sides, ``w_s`` and ``w_t`` (Eq. 15), each of sum 1.

    Args:
        log_student: ``(..., n)``, logarithm of the mass of each of the student's rows; -inf for one that does not
            count.
        log_teacher: ``(..., n)``, the same for the teacher's.
        rows: How many of the student's rows count, a number or ``(...)``.
        uniform: Whether all rows count alike.
    """

    log_student: torch.Tensor
    log_teacher: torch.Tensor
    rows: int | torch.Tensor
    uniform: bool


def uniform_marginals(rows: torch.Tensor) -> Marginals:
    """Every row counts alike.

    Args:
        rows: ``(..., n, classes)``, n at least 1.
    """
    count = rows.shape[-2]
    weights = rows.new_full(rows.shape[:-1], -math.log(count), dtype=widest(rows.device))
    return Marginals(log_student=weights, log_teacher=weights, rows=count, uniform=True)


def weighted_marginals(student_weights: torch.Tensor, teacher_weights: torch.Tensor) -> Marginals:
    """Rows count in proportion to their weights; without any weight all count alike, so that nothing becomes NaN.

    Args:
        student_weights: ``(..., n)``, at least 0.
        teacher_weights: ``(..., n)``, at least 0.
    """
    return Marginals(
        log_student=_log_share(student_weights),
        log_teacher=_log_share(teacher_weights),
        rows=(student_weights > 0).sum(dim=-1),
        uniform=False,
    )


def check_weights(name: str, weights: torch.Tensor, rows: torch.Tensor) -> None:
    """Raise unless the weights say how much each row counts.

    Args:
        name: The argument's name.
        weights: Must be ``(..., n)``.
        rows: ``(..., n, classes)``.

    Raises:
        LossInputError: If the shape or the device is another, or a weight is negative, infinite or NaN, or a group
            has no positive weight.
    """
    if weights.shape != rows.shape[:-1] or weights.device != rows.device:
        raise LossInputError(
            f"{name} must have one weight for each row, on the device of the logits.",
            received=f"{tuple(weights.shape)} on {weights.device} for logits {tuple(rows.shape)} on {rows.device}",
        )
    if torch.compiler.is_compiling():
        return  # a traced graph has no values to look at
    fine = (weights >= 0) & (weights < torch.inf)
    if not bool(fine.all() & (weights > 0).any(dim=-1).all()):
        raise LossInputError(
            f"{name} must be finite and at least 0, with a positive weight in each group.",
            received=f"between {float(weights.min())} and {float(weights.max())}",
            cure="Give rows that do not count the weight 0, and leave out a group in which none counts.",
        )


def _log_share(weights: torch.Tensor) -> torch.Tensor:
    weights = weights.detach().to(widest(weights.device))
    weights = torch.where((weights > 0).any(dim=-1, keepdim=True), weights, torch.ones_like(weights))
    return (weights / weights.sum(dim=-1, keepdim=True)).log()
