"""The Sinkhorn distance between the predictions of a student and a teacher."""

from __future__ import annotations

import torch

from sinkd_plugin.ot.checks import check_logits, check_matrix
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.probabilities import full_precision, log_probabilities, loss_dtype
from sinkd_plugin.ot.problem import TransportProblem, transport_problem
from sinkd_plugin.ot.result import TransportResult
from sinkd_plugin.ot.sinkhorn import sinkhorn_plan


def sinkhorn_distance(
    student_logits: torch.Tensor, teacher_logits: torch.Tensor, options: TransportOptions
) -> TransportResult:
    """``<P, D>`` between two groups of rows, with the plan P after T sweeps.

    Args:
        student_logits: ``(n, classes)``.
        teacher_logits: ``(n, classes)``; never receives a gradient.
        options: Temperature, regularization, sweeps, cost and scale.

    Returns:
        The value, of the wider type of both logits and at least float32, with plan and diagnostics. No rows give 0,
        one row gives the distance between both, one class gives 0.

    Raises:
        LossInputError: If the logits are no two equally shaped matrices on one device, or a row holds NaN, +inf, or
            nothing but -inf.
    """
    check_matrix(student_logits)
    check_logits(student_logits, teacher_logits)
    dtype = loss_dtype(student_logits, teacher_logits)
    with full_precision(student_logits.device):
        if student_logits.shape[0] == 0:
            return _nothing_to_move(student_logits.to(dtype))
        student = log_probabilities(student_logits, options.temperature, dtype)
        teacher = log_probabilities(teacher_logits.detach(), options.temperature, dtype)
        problem = transport_problem(student, teacher, options)
        plan = _solve(problem, options)
        value = (plan * problem.cost).sum()
        if options.debiased:
            value = value - (_self_distance(student, options) + _self_distance(teacher, options)) / 2
        return _result(problem, plan, value.to(dtype), options)


def _solve(problem: TransportProblem, options: TransportOptions) -> torch.Tensor:
    """The plan of mass 1, rows always the student's: normalising the teacher first is the transposed problem."""
    if options.rows == "teacher":
        return _plan(problem.cost.mT, problem.log_teacher, problem.log_student, options).mT
    return _plan(problem.cost, problem.log_student, problem.log_teacher, options)


def _plan(
    cost: torch.Tensor, log_rows: torch.Tensor, log_columns: torch.Tensor, options: TransportOptions
) -> torch.Tensor:
    return sinkhorn_plan(
        cost, log_rows, log_columns, regularization=options.regularization, iterations=options.iterations
    )


def _self_distance(log_rows: torch.Tensor, options: TransportOptions) -> torch.Tensor:
    problem = transport_problem(log_rows, log_rows, options)
    return (_solve(problem, options) * problem.cost).sum()


def _result(
    problem: TransportProblem, plan: torch.Tensor, value: torch.Tensor, options: TransportOptions
) -> TransportResult:
    mass = problem.points if options.reduction == "sum" else 1
    return TransportResult(
        value=value * mass,
        plan=plan.detach() * mass,
        cost=problem.cost.detach(),
        student_marginal=problem.log_student.detach().exp() * mass,
        teacher_marginal=problem.log_teacher.detach().exp() * mass,
        iterations=options.iterations,
    )


def _nothing_to_move(logits: torch.Tensor) -> TransportResult:
    """Zero, and still a function of the logits, so that ``backward`` works."""
    empty, none = logits.new_zeros((0, 0)), logits.new_zeros((0,))
    return TransportResult(
        value=logits.sum(), plan=empty, cost=empty, student_marginal=none, teacher_marginal=none, iterations=0
    )
