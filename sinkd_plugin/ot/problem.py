"""A transport problem: what moving costs, and how much mass each side has to give and to take."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from sinkd_plugin.ot.cost import batch_cost, flattened_cost, sample_cost
from sinkd_plugin.ot.options import TransportOptions


@dataclass(frozen=True, kw_only=True)
class TransportProblem:
    """One problem, or a stack of them, of total mass 1.

    Args:
        cost: ``(..., n, m)``.
        log_student: ``(..., n)``, logarithm of the mass of each of the student's points; -inf for none.
        log_teacher: ``(..., m)``, the same for the teacher.
        points: The mass under ``reduction="sum"``.
    """

    cost: torch.Tensor
    log_student: torch.Tensor
    log_teacher: torch.Tensor
    points: int


def transport_problem(
    log_student: torch.Tensor, log_teacher: torch.Tensor, options: TransportOptions
) -> TransportProblem:
    """State the problem that ``options.cost`` names.

    Args:
        log_student: ``(n, classes)`` log-probabilities, n at least 1.
        log_teacher: ``(n, classes)`` log-probabilities.
        options: Chooses the cost.

    Returns:
        The problem in float64: next to rows of many classes, the matrix between few rows is small.
    """
    if options.cost == "sample":
        return _sample(log_student, log_teacher)
    student, teacher = log_student.exp(), log_teacher.exp()
    if options.cost == "flattened":
        return _uniform(flattened_cost(_solver(student), _solver(teacher)))
    return _uniform(_solver(batch_cost(student, teacher, options.p)))


def _uniform(cost: torch.Tensor) -> TransportProblem:
    points = cost.shape[-1]
    weights = cost.new_full((points,), -math.log(points))
    return TransportProblem(cost=cost, log_student=weights, log_teacher=weights, points=points)


def _sample(log_student: torch.Tensor, log_teacher: torch.Tensor) -> TransportProblem:
    """Each row is a problem of its own, whose marginals are the probabilities themselves (Eq. 5), and weighs 1/n."""
    rows = log_student.shape[0]
    student, teacher = _solver(log_student), _solver(log_teacher)
    return TransportProblem(
        cost=sample_cost(student.exp(), teacher.exp()),
        log_student=student - math.log(rows),
        log_teacher=teacher - math.log(rows),
        points=rows,
    )


def _solver(tensor: torch.Tensor) -> torch.Tensor:
    """In float64, where the device has it: exponents reach 2/λ = 2000."""
    return tensor if tensor.device.type == "mps" else tensor.double()
