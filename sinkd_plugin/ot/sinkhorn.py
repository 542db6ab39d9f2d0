"""Sinkhorn's iterations in the log domain."""

from __future__ import annotations

import torch


def sinkhorn_plan(
    cost: torch.Tensor,
    log_rows: torch.Tensor,
    log_columns: torch.Tensor,
    *,
    regularization: float,
    iterations: int,
) -> torch.Tensor:
    """The plan after T sweeps, each scaling the rows and then the columns to their marginals (Eqs. 14-16).

    Starting from the kernel ``K = exp(-D/λ)``, each half-sweep divides by the sums and multiplies by the marginal (the
    paper prints a product in Eq. 15; it is a quotient). Differentiating the result differentiates these T sweeps.

    Numerics: no exponential of ``-D/λ`` alone is ever taken, so that any λ is safe in float64. A marginal of -inf is a
    point that is not there; its gradient is zero.

    Args:
        cost: ``(..., n, m)``.
        log_rows: ``(..., n)``, logarithm of the row marginal; approximately held.
        log_columns: ``(..., m)``, logarithm of the column marginal; exactly held.
        regularization: λ, in units of the cost.
        iterations: T, at least 1.

    Returns:
        ``(..., n, m)``, of the mass of ``log_columns``.

    Reference:
        Cuturi 2013, arXiv 1306.0895; SinKD, arXiv 2402.17110, Eqs. 14-17.
    """
    log_kernel = -cost / regularization
    column_potential = torch.zeros_like(log_columns).masked_fill(log_columns == -torch.inf, -torch.inf)
    for _ in range(iterations):
        row_potential = log_rows - torch.logsumexp(log_kernel + column_potential.unsqueeze(-2), dim=-1)
        column_potential = log_columns - torch.logsumexp(log_kernel + row_potential.unsqueeze(-1), dim=-2)
    return (log_kernel + row_potential.unsqueeze(-1) + column_potential.unsqueeze(-2)).exp()
