"""Jensen-Shannon divergence."""

from __future__ import annotations

import torch

from sinkd_plugin.losses.divergence import Reduction, divergence, relative_entropy


def js(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    temperature: float | torch.Tensor = 1.0,
    reduction: Reduction = "mean",
    scale_by_temperature_squared: bool = False,
) -> torch.Tensor:
    """Jensen-Shannon divergence.

    With ``s`` and ``t`` the softmax of student and teacher logits at the temperature::

        js = ½ Σ_c s_c log(s_c / m_c) + ½ Σ_c t_c log(t_c / m_c),    m = (s + t) / 2

    Args:
        student_logits: ``(..., classes)``; leading dimensions count as rows.
        teacher_logits: ``(..., classes)``; never receives a gradient.
        temperature: τ, a positive number or a tensor ``(...)`` with one for each row.
        reduction: ``"mean"`` over rows of the sum over classes, or ``"sum"`` over rows too.
        scale_by_temperature_squared: Multiply each row by its τ².

    Returns:
        0-dim tensor in nats, between 0 and log 2 for each row.

    Raises:
        LossInputError: If shapes or devices differ, a row holds NaN, +inf or nothing but -inf, the temperature is not
            positive or has another shape than the rows, or the reduction is unknown.

    Numerics:
        At least float32, under any autocast. No rows give 0. Finite whatever classes either side rules
        out (logit -inf).

    Reference:
        Lin 1991, IEEE Transactions on Information Theory 37(1); SinKD, arXiv 2402.17110, Eq. 4, with both factors ½.

    Example:
        >>> first, second = torch.tensor([[90.0, 0.0]]), torch.tensor([[0.0, 90.0]])
        >>> round(js(first, second).item(), 4)  # log 2
        0.6931
    """
    return divergence(
        _to_mixture,
        student_logits,
        teacher_logits,
        temperature=temperature,
        reduction=reduction,
        scale_by_temperature_squared=scale_by_temperature_squared,
    )


def _to_mixture(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    mixture = (student.exp() + teacher.exp()) / 2
    # Where both rule a class out the terms are masked, but the logarithm's gradient would be infinite.
    log_mixture = mixture.masked_fill(mixture == 0, 1.0).log()
    return (relative_entropy(student, log_mixture) + relative_entropy(teacher, log_mixture)) / 2
