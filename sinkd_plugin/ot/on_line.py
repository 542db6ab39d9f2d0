"""Problems whose points lie on a line, solved without the matrix between them."""

from __future__ import annotations

import torch

from sinkd_plugin.ot.found import Found
from sinkd_plugin.ot.line import LineTransport, line_transport
from sinkd_plugin.ot.options import TransportOptions


def line_suffices(options: TransportOptions) -> bool:
    """Whether the options ask for nothing that takes the matrix, as the limit of the sweeps and a penalty do."""
    swept = options.acceleration == "none" and options.plan_gradient != "implicit"
    return swept and not options.pairing_penalty


def transport_on_line(
    student: torch.Tensor,
    teacher: torch.Tensor,
    log_student: torch.Tensor,
    log_teacher: torch.Tensor,
    options: TransportOptions,
    *,
    largest_cost: float,
) -> Found:
    """Solve problems of mass 1 whose cost is the distance of points on a line.

    Args:
        student: ``(..., n)``, positions.
        teacher: ``(..., m)``, positions.
        log_student: ``(..., n)``, logarithm of the mass at each position.
        log_teacher: ``(..., m)``, the same for the teacher.
        options: Regularization, sweeps and order.
        largest_cost: A bound of the cost that is known without looking at it.
    """
    swapped = options.rows == "teacher"
    here, there = (student, log_student), (teacher, log_teacher)
    first, second = (there, here) if swapped else (here, there)
    solution: LineTransport = line_transport(
        first[0],
        second[0],
        first[1],
        second[1],
        regularization=options.regularization,
        iterations=options.iterations,
        spread=largest_cost,
        tolerance=options.tolerance,
        value=options.value,
        plan_gradient=options.plan_gradient,
    )

    def plan() -> torch.Tensor:
        found = solution.plan()
        return found.mT if swapped else found

    def cost() -> torch.Tensor:
        return (student.detach().unsqueeze(-1) - teacher.detach().unsqueeze(-2)).abs()

    return Found(
        value=solution.value,
        log_student=log_student,
        log_teacher=log_teacher,
        solver="line-log" if solution.log_domain else "line",
        engine=solution.engine,
        sweeps=solution.iterations,
        converged=solution.converged,
        plan=plan,
        cost=cost,
    )
