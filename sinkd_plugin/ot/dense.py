"""Problems solved by way of their cost matrix."""

from __future__ import annotations

import torch

from sinkd_plugin.ot.found import Found
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.solver import SolverName, choose_solver
from sinkd_plugin.ot.sweeps import SweepSettings
from sinkd_plugin.ot.value import solve, transport_value


def settings_of(options: TransportOptions) -> SweepSettings:
    """What of the options the sweeps look at."""
    return SweepSettings(
        regularization=options.regularization,
        iterations=options.iterations,
        tolerance=options.tolerance,
        value=options.value,
        plan_gradient=options.plan_gradient,
        pairing_penalty=options.pairing_penalty,
    )


def dense_transport(
    cost: torch.Tensor,
    log_student: torch.Tensor,
    log_teacher: torch.Tensor,
    options: TransportOptions,
    *,
    largest_cost: float,
) -> Found:
    """Solve problems of mass 1 by their cost matrices.

    Args:
        cost: ``(..., n, m)``.
        log_student: ``(..., n)``, logarithm of the mass of each of the student's points; -inf for none.
        log_teacher: ``(..., m)``, the same for the teacher.
        options: Regularization, sweeps, order, value and gradient.
        largest_cost: A bound of the cost that is known without looking at it.
    """
    swapped = options.rows == "teacher"
    leading = cost.shape[:-2]
    # One side first is the transposed problem of the other side first.
    problem = cost.mT if swapped else cost
    sides = (log_teacher, log_student) if swapped else (log_student, log_teacher)
    if problem.dim() > 3:
        problem = problem.flatten(0, -3)
        sides = (sides[0].flatten(0, -2), sides[1].flatten(0, -2))
    settings = settings_of(options)
    # Only the logarithmic form differentiates by the marginals.
    masses_matter = sides[0].requires_grad or sides[1].requires_grad
    solver = "log" if masses_matter else _solver(problem, settings, largest_cost)
    solution = solve(problem, *sides, settings, solver)

    def plan() -> torch.Tensor:
        found = solution.plan()
        return (found.mT if swapped else found).reshape(cost.shape)

    return Found(
        value=transport_value(problem, *sides, solution, settings).reshape(leading),
        log_student=log_student,
        log_teacher=log_teacher,
        solver=solver,
        sweeps=solution.sweeps,
        converged=solution.converged,
        plan=plan,
        cost=cost.detach,
    )


def _solver(cost: torch.Tensor, settings: SweepSettings, largest_cost: float) -> SolverName:
    spread = (largest_cost + settings.pairing_penalty) / settings.regularization
    return choose_solver(spread, settings.iterations, max(cost.shape[-2:]), cost.dtype, cost.device.type)
