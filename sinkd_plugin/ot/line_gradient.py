"""The exact gradient of sweeps on a line, by replaying them in reverse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sinkd_plugin.ot.line_sweeps import Line, Trajectory
from sinkd_plugin.ot.once import once
from sinkd_plugin.ot.sweeps import Value

_LEAST_LOGARITHM = -1e30


@dataclass(frozen=True, kw_only=True, eq=False)
class LineGradient:
    """Derivatives of ``<P, D> / λ`` with respect to positions in units of λ and to log-masses.

    Args:
        student: ``(..., n)``, by position.
        teacher: ``(..., m)``, by position; incomplete unless it was asked for.
        log_student: ``(..., n)``, by log-mass.
        log_teacher: ``(..., m)``, by log-mass.
    """

    student: torch.Tensor
    teacher: torch.Tensor
    log_student: torch.Tensor
    log_teacher: torch.Tensor


def line_gradient(problem: Line, trajectory: Trajectory, start: LineGradient, *, of_teacher: bool) -> LineGradient:
    """Replay the sweeps in reverse: the gradient of T unrolled sweeps, not of a plan taken as fixed.

    With α, β the logarithms of u, v, half a sweep is ``α = log a - log(K v)``. Its derivative with respect to β_j is
    ``-u_i K_ij v_j / a_i``, and with respect to x_i, in units of λ, ``Σ_j sign(x_i - y_j) K_ij v_j / (K v)_i``.

    Args:
        problem: Both directions.
        trajectory: Its sweeps; they are used up.
        start: From ``gradient_of_value``; used up.
        of_teacher: Whether the teacher's positions are differentiated, too.
    """
    rows, columns = problem.to_student, problem.to_teacher
    student, teacher, alpha, beta = start.student, start.teacher, start.log_student, start.log_teacher
    log_student, log_teacher = torch.zeros_like(alpha), torch.zeros_like(beta)
    nothing = torch.zeros_like(alpha)
    for sweep in reversed(trajectory):
        u = problem.weigh(sweep.student, problem.student_mass)
        log_teacher += beta
        if of_teacher:
            teacher.addcmul_(beta, columns.odd(sweep.teacher, columns.sums(u)))
        through_column = rows.sums(sweep.teacher, beta)
        alpha = alpha - rows.even(u, through_column)
        log_student += alpha
        student += rows.odd(u, through_column)
        student.addcmul_(alpha, rows.odd(sweep.student, rows.sums(sweep.before)))
        through_row = columns.sums(sweep.student, alpha)
        if of_teacher:
            teacher += columns.odd(sweep.before, through_row)
        alpha, beta = nothing, columns.even(sweep.before, through_row).neg_()
    return LineGradient(student=student, teacher=teacher, log_student=log_student, log_teacher=log_teacher)


def gradient_of_value(
    problem: Line, trajectory: Trajectory, value: Value = "transport"
) -> tuple[LineGradient, torch.Tensor]:
    """Derivatives of the value over λ, of given potentials: by positions, and by log u and log v.

    Of ``Σ_ij P_ij D_ij / λ`` (Eq. 18), or of that and ``Σ_ij P_ij log P_ij``.

    Returns:
        The derivatives, of which the one by log u sums to the value, and the mass of each row of the plan.
    """
    u, v = trajectory.student, trajectory.teacher
    rows, columns = problem.to_student, problem.to_teacher
    over_columns, over_rows = rows.sums(v), columns.sums(u)
    masses = rows.even(u, over_columns)
    if value == "entropic":
        return _gradient_of_entropic_value(problem, u, v), masses
    by_alpha, by_student = rows.cost(u, v)
    by_beta, by_teacher = columns.cost(v, u)
    derivatives = LineGradient(
        student=rows.odd(u, over_columns) - by_student,
        teacher=columns.odd(v, over_rows) - by_teacher,
        log_student=by_alpha,
        log_teacher=by_beta,
    )
    return derivatives, masses


def _gradient_of_entropic_value(problem: Line, u: torch.Tensor, v: torch.Tensor) -> LineGradient:
    """With α = log u and β = log v, ``D / λ + log P`` is ``α_i + β_j``: no distance is left in ``Σ P (α + β)``.

    The entropy's derivative has a constant besides: the plan's mass is given, so it moves nothing.
    """
    rows, columns = problem.to_student, problem.to_teacher
    # A point without mass has no part in any sum; its logarithm would make the product with that nothing NaN.
    alpha, beta = (problem.logarithm(side).clamp_min(_LEAST_LOGARITHM) for side in (u, v))
    over_columns, over_rows = rows.sums(v), columns.sums(u)
    weighted_columns, weighted_rows = rows.sums(v, beta), columns.sums(u, alpha)
    return LineGradient(
        student=(1 - alpha) * rows.odd(u, over_columns) - rows.odd(u, weighted_columns),
        teacher=(1 - beta) * columns.odd(v, over_rows) - columns.odd(v, weighted_rows),
        log_student=alpha * rows.even(u, over_columns) + rows.even(u, weighted_columns),
        log_teacher=beta * columns.even(v, over_rows) + columns.even(v, weighted_rows),
    )


def gradient_of_given_plan(problem: Line, trajectory: Trajectory) -> LineGradient:
    """Derivatives of ``Σ_ij P_ij D_ij / λ`` by positions, with the plan taken as given; by masses there are none."""
    u, v = trajectory.student, trajectory.teacher
    rows, columns = problem.to_student, problem.to_teacher
    return LineGradient(
        student=rows.odd(u, rows.sums(v)),
        teacher=columns.odd(v, columns.sums(u)),
        log_student=torch.zeros_like(u),
        log_teacher=torch.zeros_like(v),
    )


def known_gradient(
    values: torch.Tensor, inputs: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor | None]
) -> torch.Tensor:
    """Values whose derivatives are known already.

    Args:
        values: ``(problems,)``.
        inputs: Each ``(problems, points)``.
        gradients: For each input the derivative of its problem's value, or None.
    """
    result: torch.Tensor = _KnownGradient.apply(values, len(inputs), *inputs, *gradients)  # type: ignore[no-untyped-call]
    return result


class _KnownGradient(torch.autograd.Function):
    """``values``, as a function of ``inputs``."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, count: int, *tensors: torch.Tensor | None) -> torch.Tensor:
        ctx.count = count
        ctx.save_for_backward(*tensors)
        return values.clone()

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        inputs, known = ctx.saved_tensors[: ctx.count], ctx.saved_tensors[ctx.count :]
        gradients = (
            None if gradient is None else once(upstream.unsqueeze(-1) * gradient, upstream, *inputs)
            for gradient in known
        )
        return None, None, *gradients, *(None for _ in known)
