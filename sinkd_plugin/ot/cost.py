"""Cost matrices between the predictions of a student and a teacher. Rows are the student's, columns the teacher's."""

from __future__ import annotations

import torch

from sinkd_plugin.ot.distances import distances

_MANY_ROWS = 128
"""Rows from which on the distance between two classes is cheaper by its closed form than by a general routine."""


def batch_cost(student: torch.Tensor, teacher: torch.Tensor, p: float = 1) -> torch.Tensor:
    """Distances between rows, ``D_ij = ||s_i - t_j||_p`` (Eq. 13).

    Args:
        student: ``(..., n, classes)`` probabilities.
        teacher: ``(..., m, classes)`` probabilities.
        p: Order of the norm: 1, 2 or infinity.

    Returns:
        ``(..., n, m)``, between 0 and 2 for ``p=1``. Its gradient at distance zero is zero, for ``p=2`` too.
    """
    if student.shape[-1] == 2 and student.shape[-2] >= _MANY_ROWS:
        return two_class_cost(student, teacher, p)
    return distances(student, teacher, float(p))


def two_class_cost(student: torch.Tensor, teacher: torch.Tensor, p: float = 1) -> torch.Tensor:
    """The same for two classes, whose two differences are each other's opposites.

    Args:
        student: ``(..., n, 2)`` probabilities.
        teacher: ``(..., m, 2)`` probabilities.
        p: Order of the norm.
    """
    # Scaled before the difference, so that the larger matrix is passed over twice and not three times.
    scale = 2 ** (1 / p)
    first, other = student[..., :1] * scale, teacher[..., 0].unsqueeze(-2) * scale
    return (first - other).abs()


def flattened_cost(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Distances between all single probabilities of the batch, ``|s_im - t_jn|`` (Eq. 20).

    Args:
        student: ``(..., n, classes)`` probabilities.
        teacher: ``(..., n, classes)`` probabilities.

    Returns:
        ``(..., n * classes, n * classes)``.
    """
    return (student.flatten(-2).unsqueeze(-1) - teacher.flatten(-2).unsqueeze(-2)).abs()


def sample_cost(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Distances between the classes of each row apart, ``D_i,mn = |x_im - y_in|`` (Eq. 7).

    Args:
        student: ``(..., classes)``, positions x of the student's masses.
        teacher: ``(..., classes)``, positions y of the teacher's masses.

    Returns:
        ``(..., classes, classes)``.
    """
    return (student.unsqueeze(-1) - teacher.unsqueeze(-2)).abs()
