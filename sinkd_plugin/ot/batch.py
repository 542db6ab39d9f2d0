"""The paper's problem: between rows of predictions."""

from __future__ import annotations

from dataclasses import replace

import torch

from sinkd_plugin.ot.cost import batch_cost
from sinkd_plugin.ot.dense import choose, solve_dense
from sinkd_plugin.ot.distances import distances_gradient
from sinkd_plugin.ot.found import Found
from sinkd_plugin.ot.known import gradient_wanted, known_value
from sinkd_plugin.ot.marginals import Marginals
from sinkd_plugin.ot.options import TransportOptions


def batch_transport(
    student: torch.Tensor, teacher: torch.Tensor, marginals: Marginals, options: TransportOptions
) -> Found:
    """Solve the problem between rows, from probabilities to value and gradient in one go (Eqs. 13-18).

    Args:
        student: ``(..., n, classes)`` probabilities.
        teacher: ``(..., n, classes)`` probabilities.
        marginals: How much each row counts.
        options: Order of the norm, regularization, sweeps, value and gradient.

    Returns:
        The value is differentiable by both.
    """
    p = float(options.p)
    wanted = gradient_wanted(student, teacher)
    with torch.no_grad():
        cost = batch_cost(student, teacher, p)
        found, gradients = solve_dense(
            cost,
            marginals.log_student,
            marginals.log_teacher,
            options,
            solver=choose(max(cost.shape[-2:]), cost, options, largest_batch_cost(p)),
            differentiate=wanted,
            even=marginals.uniform,
        )
        if not wanted or gradients[0] is None:
            return found
        by_cost = gradients[0].to(cost.dtype)
        by_student = distances_gradient(by_cost, student, teacher, p, cost) if student.requires_grad else None
        by_teacher = distances_gradient(by_cost.mT, teacher, student, p, cost.mT) if teacher.requires_grad else None
    return replace(found, value=known_value(found.value, (student, teacher), (by_student, by_teacher)))


def largest_batch_cost(p: float) -> float:
    """The distance of two rows that are sure of different classes."""
    return float(2 ** (1 / p))
