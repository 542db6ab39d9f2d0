"""Kullback-Leibler divergence of the student from the teacher, KL(t ‖ s)."""

from __future__ import annotations

import torch

from sinkd_plugin.losses.divergence import Reduction, divergence, relative_entropy


def kl(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    temperature: float | torch.Tensor = 1.0,
    reduction: Reduction = "mean",
    scale_by_temperature_squared: bool = False,
) -> torch.Tensor:
    """Kullback-Leibler divergence of the student from the teacher, KL(t ‖ s).

    With ``s`` and ``t`` the softmax of student and teacher logits at the temperature::

        kl = Σ_c t_c (log t_c - log s_c)

    Args:
        student_logits: ``(..., classes)``; leading dimensions count as rows.
        teacher_logits: ``(..., classes)``; never receives a gradient.
        temperature: τ, a positive number or a tensor ``(...)`` with one for each row.
        reduction: ``"mean"`` over rows of the sum over classes, or ``"sum"`` over rows too.
        scale_by_temperature_squared: Multiply each row by its τ².

    Returns:
        0-dim tensor in nats, at least 0.

    Raises:
        LossInputError: If shapes or devices differ, a row holds NaN, +inf or nothing but -inf, the temperature is not
            positive or has another shape than the rows, or the reduction is unknown.

    Numerics:
        At least float32, under any autocast. No rows give 0. A class that only the student rules out
        (logit -inf) makes the loss infinite, one that both rule out adds 0.

    Reference:
        Hinton et al. 2015, arXiv 1503.02531; SinKD, arXiv 2402.17110, Eq. 2.

    Example:
        >>> even, sure = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, -float("inf")]])
        >>> round(kl(even, sure).item(), 4)  # log 2
        0.6931
    """
    return divergence(
        lambda student, teacher: relative_entropy(teacher, student),
        student_logits,
        teacher_logits,
        temperature=temperature,
        reduction=reduction,
        scale_by_temperature_squared=scale_by_temperature_squared,
    )
