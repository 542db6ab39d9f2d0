"""The gradient of the plan's limit: exact once the sweeps have converged, and only then."""

from __future__ import annotations

import torch

from sinkd_plugin.ot.sweeps import Gradient, SweepSettings, weighted_plan

_RIDGE = 1e-14
"""Far below the entries of the system, which are masses."""


def implicit_gradient(cost: torch.Tensor, plan: torch.Tensor, settings: SweepSettings) -> Gradient:
    """Differentiate both marginal conditions instead of the sweeps, by one linear system of the columns.

    With ``W = P ∘ ∂V/∂P``, the potentials' answer ``(α, β)`` solves ``diag(r) α + P β = W 1`` and
    ``Pᵀ α + diag(c) β = Wᵀ 1``, where r and c are the plan's marginals. By a mass of the marginals the derivative is α
    or β itself, up to a constant between them: both sides' masses have one sum.

    Args:
        cost: ``(..., n, m)``.
        plan: ``(..., n, m)``, converged.
        settings: Regularization and value.
    """
    dtype = plan.dtype
    plan, cost = plan.double(), cost.double()
    weighted = weighted_plan(plan, cost, settings)
    rows, columns = plan.sum(dim=-1), plan.sum(dim=-2)
    per_row = plan / rows.masked_fill(rows == 0, 1.0).unsqueeze(-1)
    # A constant moved from α to β changes nothing: the system is singular, and the added mean picks one answer.
    # The ridge, since parts of a plan that exchange next to nothing leave a constant open for each of them, too.
    system = torch.diag_embed(columns.masked_fill(columns == 0, 1.0) + _RIDGE) - plan.mT @ per_row
    system = system + columns.unsqueeze(-1) * columns.unsqueeze(-2)
    beta = torch.linalg.solve(system, weighted.sum(dim=-2) - (per_row.mT @ weighted.sum(dim=-1).unsqueeze(-1))[..., 0])
    alpha = weighted.sum(dim=-1) / rows.masked_fill(rows == 0, 1.0) - (per_row @ beta.unsqueeze(-1))[..., 0]
    by_kernel = weighted - plan * (alpha.unsqueeze(-1) + beta.unsqueeze(-2))
    return Gradient(
        cost=(plan - by_kernel / settings.regularization).to(dtype),
        log_rows=(rows * alpha).to(dtype),
        log_columns=(columns * beta).to(dtype),
    )
