"""Batch-wise transport between rows of two classes, which is transport on a line."""

from __future__ import annotations

from dataclasses import replace

import torch

from sinkd_plugin.ot.line import LineTransport, line_transport


def two_class_transport(
    student: torch.Tensor,
    teacher: torch.Tensor,
    log_student: torch.Tensor,
    log_teacher: torch.Tensor,
    *,
    p: float,
    regularization: float,
    iterations: int,
) -> LineTransport:
    """``<P, D>`` with ``D_ij = ||s_i - t_j||_p`` (Eq. 13) between probabilities of two classes.

    There ``D_ij = 2^(1/p) |s_i0 - t_j0|``, so that this is transport on the line at ``λ / 2^(1/p)``, times
    ``2^(1/p)``: for p = 1, half of λ and twice the value. It is not Eq. 20, which compares s_i0 with t_j1, too.

    Args:
        student: ``(..., n, 2)`` probabilities; only those of the first class are looked at.
        teacher: ``(..., m, 2)`` probabilities.
        log_student: ``(..., n)``, logarithm of the mass of each row.
        log_teacher: ``(..., m)``.
        p: Order of the norm, at least 1, ``math.inf`` included.
        regularization: λ, in units of D.
        iterations: T.

    Returns:
        The value of Eq. 13; its points, potentials and λ are those of the line. Its gradient with respect to
        probabilities lies on the first class; through the softmax it is that of the matrix form.

    Raises:
        LossInputError: As ``line_transport``.
    """
    scale = 2.0 ** (1 / p)
    result = line_transport(
        student[..., 0],
        teacher[..., 0],
        log_student,
        log_teacher,
        regularization=regularization / scale,
        iterations=iterations,
    )
    return replace(result, value=result.value * scale)
