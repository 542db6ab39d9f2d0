"""The value of the plan after the sweeps, differentiable by the cost."""

from __future__ import annotations

from typing import Any

import torch

from sinkd_plugin.ot.implicit import implicit_gradient
from sinkd_plugin.ot.logarithmic import solve_in_logarithms
from sinkd_plugin.ot.once import once
from sinkd_plugin.ot.probabilities import full_precision
from sinkd_plugin.ot.scaling import solve_by_scaling
from sinkd_plugin.ot.solver import SolverName, solver_dtype
from sinkd_plugin.ot.sweeps import Gradient, Solution, SweepSettings, row_blocks, weighted_plan


def solve(
    cost: torch.Tensor,
    log_rows: torch.Tensor,
    log_columns: torch.Tensor,
    settings: SweepSettings,
    solver: SolverName,
) -> Solution:
    """Find the plan after the sweeps; nothing is differentiated.

    Args:
        cost: ``(..., n, m)``.
        log_rows: ``(..., n)``, logarithm of the mass of each row; approximately held.
        log_columns: ``(..., m)``, the same for the columns; exactly held.
        settings: Regularization, sweeps, tolerance and penalty.
        solver: What ``choose_solver`` says.
    """
    dtype = solver_dtype(solver, cost.dtype, cost.device.type)
    cost, log_rows, log_columns = (tensor.detach().to(dtype) for tensor in (cost, log_rows, log_columns))
    with torch.no_grad():
        if solver == "log":
            return solve_in_logarithms(cost, log_rows, log_columns, settings)
        absorbed = solver == "scaling-float64-absorbed"
        return solve_by_scaling(cost, log_rows.exp(), log_columns.exp(), settings, absorbed=absorbed)


def transport_value(
    cost: torch.Tensor,
    log_rows: torch.Tensor,
    log_columns: torch.Tensor,
    solution: Solution,
    settings: SweepSettings,
) -> torch.Tensor:
    """The value of each problem, ``(...)``: ``<P, D>`` (Eq. 18), or ``<P, D> - λ h(P)``.

    Its gradient is that of the sweeps that were done, unless ``settings.plan_gradient`` says otherwise: ``detached``
    takes the plan as given, ``implicit`` as converged. Differentiable once.

    Args:
        cost: ``(..., n, m)``.
        log_rows: ``(..., n)``, logarithm of the mass of each row.
        log_columns: ``(..., m)``, the same for the columns.
        solution: What ``solve`` found for these.
        settings: Those it was found with.
    """
    value: torch.Tensor = _Value.apply(cost, log_rows, log_columns, solution, settings)  # type: ignore[no-untyped-call]
    return value


class _Value(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        cost: torch.Tensor,
        log_rows: torch.Tensor,
        log_columns: torch.Tensor,
        solution: Solution,
        settings: SweepSettings,
    ) -> torch.Tensor:
        ctx.save_for_backward(cost)
        ctx.solution, ctx.settings = solution, settings
        parts = [
            weighted_plan(solution.plan(rows), cost[..., rows, :], settings).sum(dim=(-2, -1))
            for rows in row_blocks(cost)
        ]
        return parts[0] if len(parts) == 1 else torch.stack(parts).sum(dim=0)

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (cost,) = ctx.saved_tensors
        # Autocast may be on where backward is called, whatever it was in the forward pass.
        with torch.no_grad(), full_precision(cost.device):
            gradient = _gradient(cost, ctx.solution, ctx.settings)
            scale = upstream.to(gradient.cost.dtype)
            by_cost = gradient.cost.mul_(scale[..., None, None]).to(cost.dtype)
            by_rows, by_columns = (
                None if by_mass is None else by_mass * scale.unsqueeze(-1)
                for by_mass in (gradient.log_rows, gradient.log_columns)
            )
        return once(by_cost, upstream), by_rows, by_columns, None, None


def _gradient(cost: torch.Tensor, solution: Solution, settings: SweepSettings) -> Gradient:
    cost = cost.to(solution.plan(slice(0, 0)).dtype)
    if settings.plan_gradient == "detached":
        return Gradient(cost=solution.plan())
    if settings.plan_gradient == "implicit":
        return implicit_gradient(cost, solution.plan(), settings)
    return solution.replay(cost, settings)
