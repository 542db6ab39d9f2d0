"""Cost matrices between the predictions of a student and a teacher. Rows are the student's, columns the teacher's."""

from __future__ import annotations

import torch


def batch_cost(student: torch.Tensor, teacher: torch.Tensor, p: float = 1) -> torch.Tensor:
    """Distances between rows, ``D_ij = ||s_i - t_j||_p`` (Eq. 13).

    Args:
        student: ``(n, classes)`` probabilities.
        teacher: ``(m, classes)`` probabilities.
        p: Order of the norm.

    Returns:
        ``(n, m)``, between 0 and 2 for ``p=1``. Its gradient at distance zero is zero, for ``p=2`` too.
    """
    # Never by way of a matrix product: that is off by 5e-4 at distance zero, and its gradient there is not zero.
    return torch.cdist(student, teacher, p=float(p), compute_mode="donot_use_mm_for_euclid_dist")


def flattened_cost(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Distances between all single probabilities of the batch, ``|s_im - t_jn|`` (Eq. 20).

    Args:
        student: ``(n, classes)`` probabilities.
        teacher: ``(n, classes)`` probabilities.

    Returns:
        ``(n * classes, n * classes)``.
    """
    return (student.reshape(-1, 1) - teacher.reshape(1, -1)).abs()


def sample_cost(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Distances between the classes of each row apart, ``D_i,mn = |s_im - t_in|`` (Eq. 7).

    The paper prints ``|t_m - s_n|`` beside a row marginal ``s``; here a mass and its position come from one vector.

    Args:
        student: ``(n, classes)`` probabilities.
        teacher: ``(n, classes)`` probabilities.

    Returns:
        ``(n, classes, classes)``.
    """
    return (student.unsqueeze(-1) - teacher.unsqueeze(-2)).abs()
