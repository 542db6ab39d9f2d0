"""Total variation distance."""

from __future__ import annotations

import torch

from sinkd_plugin.losses.divergence import Reduction, divergence


def tvd(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    temperature: float | torch.Tensor = 1.0,
    reduction: Reduction = "mean",
    scale_by_temperature_squared: bool = False,
) -> torch.Tensor:
    """Total variation distance.

    With ``s`` and ``t`` the softmax of student and teacher logits at the temperature::

        tvd = ½ Σ_c |s_c - t_c|

    Args:
        student_logits: ``(..., classes)``; leading dimensions count as rows.
        teacher_logits: ``(..., classes)``; never receives a gradient.
        temperature: τ, a positive number or a tensor ``(...)`` with one for each row.
        reduction: ``"mean"`` over rows of the sum over classes, or ``"sum"`` over rows too.
        scale_by_temperature_squared: Multiply each row by its τ².

    Returns:
        0-dim tensor, between 0 and 1 for each row.

    Raises:
        LossInputError: If shapes or devices differ, a row holds NaN, +inf or nothing but -inf, the temperature is not
            positive or has another shape than the rows, or the reduction is unknown.

    Numerics:
        At least float32, under any autocast. No rows give 0. Finite whatever classes either side rules
        out (logit -inf). The gradient at s_c = t_c is 0.

    Reference:
        Wen et al. 2023, arXiv 2307.15190; compared with in SinKD, arXiv 2402.17110, Table 4.

    Example:
        >>> even, sure = torch.tensor([[0.0, 0.0]]), torch.tensor([[90.0, 0.0]])
        >>> round(tvd(even, sure).item(), 4)
        0.5
    """
    return divergence(
        lambda student, teacher: (student.exp() - teacher.exp()).abs() / 2,
        student_logits,
        teacher_logits,
        temperature=temperature,
        reduction=reduction,
        scale_by_temperature_squared=scale_by_temperature_squared,
    )
