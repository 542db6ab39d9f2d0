"""Problems solved by way of their cost matrix."""

from __future__ import annotations

from dataclasses import replace

import torch

from sinkd_plugin.ot.found import Found
from sinkd_plugin.ot.known import gradient_wanted, known_value
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.solver import SolverName, choose_solver
from sinkd_plugin.ot.sweeps import SweepSettings
from sinkd_plugin.ot.value import solve, value_and_gradient


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
    by_masses: bool = False,
) -> Found:
    """Solve problems of mass 1 by their cost matrices.

    Args:
        cost: ``(..., n, m)``.
        log_student: ``(..., n)``, logarithm of the mass of each of the student's points; -inf for none.
        log_teacher: ``(..., m)``, the same for the teacher.
        options: Regularization, sweeps, order, value and gradient.
        largest_cost: A bound of the cost that is known without looking at it.
        by_masses: Whether the masses are to be differentiated by, and depend on what is to be learnt.

    Returns:
        The value is differentiable by the cost, and by the masses if so asked.
    """
    sources = cost, log_student, log_teacher
    wanted = gradient_wanted(*sources)
    solver = choose(max(cost.shape[-2:]), cost, options, largest_cost, by_masses=by_masses)
    found, gradients = solve_dense(*sources, options, solver=solver, differentiate=wanted)
    return replace(found, value=known_value(found.value, sources, gradients)) if wanted else found


def choose(
    points: int, source: torch.Tensor, options: TransportOptions, largest_cost: float, *, by_masses: bool = False
) -> SolverName:
    """The solver for a cost of which a bound is known.

    Args:
        points: The larger number of points of both sides.
        source: What the cost is, or is computed from; its values are not looked at.
        options: Regularization, sweeps and penalty.
        largest_cost: The bound.
        by_masses: Whether the masses are differentiated by, which sweeps on scalings do not offer.
    """
    if options.acceleration == "newton":
        return "newton"
    if by_masses:
        return "log"
    spread = (largest_cost + options.pairing_penalty) / options.regularization
    return choose_solver(spread, options.iterations, points, source.dtype, source.device.type)


def solve_dense(
    cost: torch.Tensor,
    log_student: torch.Tensor,
    log_teacher: torch.Tensor,
    options: TransportOptions,
    *,
    solver: SolverName,
    differentiate: bool,
    even: bool = False,
) -> tuple[Found, tuple[torch.Tensor | None, ...]]:
    """What ``dense_transport`` found, its value detached, beside its derivatives by cost and both logarithms.

    Args:
        cost: ``(..., n, m)``.
        log_student: ``(..., n)``.
        log_teacher: ``(..., m)``.
        options: Regularization, sweeps, order, value and gradient.
        solver: Which form of the sweeps.
        differentiate: Whether derivatives are wanted.
        even: Whether all points of both sides have equal mass.
    """
    swapped = options.rows == "teacher"
    # The one side first is the transposed problem of the other side first.
    problem = _stack(cost.mT if swapped else cost)
    sides = (log_teacher, log_student) if swapped else (log_student, log_teacher)
    settings = settings_of(options)
    first, second = (side.reshape(*problem.shape[:-2], -1) for side in sides)
    solution = solve(problem, first, second, settings, solver, even=even)

    def straight(matrix: torch.Tensor) -> torch.Tensor:
        return (matrix.mT if swapped else matrix).reshape(cost.shape)

    gradients: tuple[torch.Tensor | None, ...] = ()
    if differentiate:
        value, gradient = value_and_gradient(problem, solution, settings)
        rows, columns = (
            (gradient.log_columns, gradient.log_rows) if swapped else (gradient.log_rows, gradient.log_columns)
        )
        gradients = straight(gradient.cost), _like(rows, log_student), _like(columns, log_teacher)
    else:
        value = solution.value(problem.detach().to(solution.dtype), settings)
    found = Found(
        value=value.reshape(cost.shape[:-2]),
        log_student=log_student,
        log_teacher=log_teacher,
        solver=solver,
        engine=solution.engine,
        sweeps=solution.sweeps,
        converged=None if solution.converged is None else solution.converged.reshape(cost.shape[:-2]).clone(),
        plan=lambda: straight(solution.plan()),
        cost=cost.detach,
    )
    return found, gradients


def _stack(cost: torch.Tensor) -> torch.Tensor:
    return cost.flatten(0, -3) if cost.dim() > 3 else cost


def _like(gradient: torch.Tensor | None, source: torch.Tensor) -> torch.Tensor | None:
    return None if gradient is None else gradient.reshape(source.shape)
