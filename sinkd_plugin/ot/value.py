"""The plan after the sweeps, its value and the gradient of that, by whichever form of the sweeps is safe."""

from __future__ import annotations

import torch

from sinkd_plugin.ot.engine import loops_sweep
from sinkd_plugin.ot.implicit import implicit_gradient
from sinkd_plugin.ot.logarithmic import solve_in_logarithms
from sinkd_plugin.ot.newton import solve_for_limit
from sinkd_plugin.ot.scaling import solve_by_scaling
from sinkd_plugin.ot.solver import SolverName, solver_dtype
from sinkd_plugin.ot.sweeps import Gradient, Solution, SweepSettings


def solve(
    cost: torch.Tensor,
    log_rows: torch.Tensor,
    log_columns: torch.Tensor,
    settings: SweepSettings,
    solver: SolverName,
    *,
    even: bool = False,
) -> Solution:
    """Find the plan after the sweeps; nothing is differentiated.

    Args:
        cost: ``(..., n, m)``.
        log_rows: ``(..., n)``, logarithm of the mass of each row; approximately held.
        log_columns: ``(..., m)``, the same for the columns; exactly held.
        settings: Regularization, sweeps, tolerance and penalty.
        solver: What ``choose_solver`` says.
        even: Whether all points of both sides are known to have equal mass; then no mass is multiplied with.
    """
    dtype = solver_dtype(solver, cost.dtype, cost.device.type)
    cost, absorbed = cost.detach().to(dtype), solver == "scaling-float64-absorbed"
    with torch.no_grad():
        if even and cost.shape[-2] == cost.shape[-1] and solver not in ("log", "newton"):
            return _scale(cost, None, None, settings, absorbed=absorbed)
        log_rows, log_columns = (side.detach().to(dtype) for side in (log_rows, log_columns))
        if solver == "newton":
            return solve_for_limit(cost, log_rows, log_columns, settings)
        if solver == "log":
            return solve_in_logarithms(cost, log_rows, log_columns, settings)
        rows, columns = (side.exp() * cost.shape[-2] for side in (log_rows, log_columns))
        return _scale(cost, rows, columns, settings, absorbed=absorbed)


def _scale(
    cost: torch.Tensor,
    rows: torch.Tensor | None,
    columns: torch.Tensor | None,
    settings: SweepSettings,
    *,
    absorbed: bool,
) -> Solution:
    if settings.tolerance is None and loops_sweep(cost, cost.shape[-2] * cost.shape[-1]):
        from sinkd_plugin.ot.loops.loop_scaling import LoopSolution

        cost = cost.contiguous()
        return LoopSolution(cost=cost, rows=rows, columns=columns, settings=settings, absorbed=absorbed)
    return solve_by_scaling(cost, rows, columns, settings, absorbed=absorbed)


def value_and_gradient(
    cost: torch.Tensor, solution: Solution, settings: SweepSettings
) -> tuple[torch.Tensor, Gradient]:
    """The value of each problem, ``(...)``: ``<P, D>`` (Eq. 18), or ``<P, D> - λ h(P)``; with its gradient.

    The gradient is that of the sweeps that were done (of their limit, if there were none), unless
    ``settings.plan_gradient`` says otherwise: ``detached`` takes the plan as given, ``implicit`` as converged.

    Args:
        cost: ``(..., n, m)``, what the solution was found for.
        solution: What ``solve`` found.
        settings: Those it was found with.
    """
    with torch.no_grad():
        cost = cost.detach().to(solution.dtype)
        if settings.plan_gradient == "unrolled":
            return solution.value_and_gradient(cost, settings)
        plan = solution.plan()
        implicit = settings.plan_gradient == "implicit"
        gradient = implicit_gradient(cost, plan, settings) if implicit else Gradient(cost=plan)
        return solution.value(cost, settings), gradient
