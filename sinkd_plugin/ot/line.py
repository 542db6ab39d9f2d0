"""Entropic transport between points on a line, without the matrix between them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.ot.engine import Engine, loops_apply
from sinkd_plugin.ot.line_gradient import gradient_of_given_plan, gradient_of_value, known_gradient, line_gradient
from sinkd_plugin.ot.line_order import sorted_sides
from sinkd_plugin.ot.line_sweeps import Trajectory, largest_spread, line
from sinkd_plugin.ot.sweeps import PlanGradient, Value

_GROUP = 2**16
"""Points of problems that are solved together on a CPU: their vectors stay in its cache."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LineTransport:
    """The outcome of ``line_transport``; all but ``value`` is detached.

    Args:
        value: ``(...)``, ``<P, D>`` of each problem, or the entropic value; differentiable once.
        marginal_residual: ``(...)``, mass at the wrong point as a share of all mass; 0 for a plan that has converged.
        iterations: Sweeps done; the most of all problems.
        converged: ``(...)``, whether each problem met the tolerance; ``None`` if there is none.
        log_domain: Whether logarithms were computed with; plain numbers are safe only for points that are close in
            units of λ.
        engine: What computed.
        student_points: ``(..., n)``.
        teacher_points: ``(..., m)``.
        student_potential: ``(..., n)``, log u: the plan is ``exp(log u_i + log v_j - |x_i - y_j| / λ)``.
        teacher_potential: ``(..., m)``, log v.
        regularization: λ.
    """

    value: torch.Tensor
    marginal_residual: torch.Tensor
    iterations: int
    converged: torch.Tensor | None
    log_domain: bool
    engine: Engine
    student_points: torch.Tensor
    teacher_points: torch.Tensor
    student_potential: torch.Tensor
    teacher_potential: torch.Tensor
    regularization: float

    def plan(self) -> torch.Tensor:
        """The plan as a matrix ``(..., n, m)``: only for as few points as a matrix has room for."""
        cost = (self.student_points.unsqueeze(-1) - self.teacher_points.unsqueeze(-2)).abs()
        potentials = self.student_potential.unsqueeze(-1) + self.teacher_potential.unsqueeze(-2)
        return (potentials - cost / self.regularization).exp()

    def plan_times(self, vector: torch.Tensor) -> torch.Tensor:
        """The plan times a vector, ``(..., n)``, in as little time and memory as a sweep.

        Args:
            vector: ``(..., m)``, for example the teacher's points: divided by the masses, the barycentric map.
        """
        student, teacher = sorted_sides(self.student_points, self.teacher_points)
        u, v = student.sort(self.student_potential), teacher.sort(self.teacher_potential)
        rows = line(student, teacher, u, v, regularization=self.regularization, log_domain=True).to_student
        amount = teacher.sort(vector.to(v.dtype).expand_as(v))
        return student.unsort(rows.even(u, rows.sums(v, amount)))


def line_transport(
    student_points: torch.Tensor,
    teacher_points: torch.Tensor,
    log_student: torch.Tensor,
    log_teacher: torch.Tensor,
    *,
    regularization: float,
    iterations: int,
    spread: float | None = None,
    tolerance: float | None = None,
    value: Value = "transport",
    plan_gradient: PlanGradient = "unrolled",
) -> LineTransport:
    """``<P, D>`` with ``D_ij = |x_i - y_j|`` and the plan after T sweeps, in O((n + m) log(n + m)) time.

    The value and its gradient are those of ``sinkhorn_plan`` on the matrix D; neither D nor P is ever formed. The
    gradient is that of the T sweeps, with respect to the points and the log-masses of both sides. It is computed
    together with the value, so that nothing of the sweeps is kept until ``backward``.

    Args:
        student_points: ``(..., n)``, in any order; leading dimensions are problems apart.
        teacher_points: ``(..., m)``; leading dimensions broadcast.
        log_student: ``(..., n)``, logarithm of the mass of each point, -inf for a point that is not there;
            approximately held.
        log_teacher: ``(..., m)``, the same; exactly held. The value is of as much mass as these have.
        regularization: λ, positive, in units of the points.
        iterations: T, at least 1; with a tolerance, the most there may be.
        spread: A bound on the distance of any two points of a problem, 1 for probabilities. It spares an accelerator
            the wait for its measurement, and is trusted; without it the points are measured.
        tolerance: Sweep until at most this share of each problem's mass lies at the wrong point.
        value: ``<P, D>``, or ``"entropic"``, <P, D> + λ Σ P log P.
        plan_gradient: ``"unrolled"``, or ``"detached"`` for the gradient by positions of a given plan. What sweeps tend
            to, ``"implicit"``, is not differentiated here.

    Returns:
        Values in float64 (on devices that lack it, float32).

    Raises:
        LossInputError: If the points and their masses differ in shape, a side has no points, or a point is not
            finite; on a second derivative.

    Numerics:
        Plain numbers where the spread of the points is at most 141 λ (at λ = 0.1, points in [0, 1] spread over 10),
        otherwise logarithms, which takes about eight times as long; safe for any λ and any T. Sums of masses are sums
        of positive numbers. Ties are exact: between equal points the derivative of the distance is 0. More than 2²⁶
        potentials over all sweeps are computed twice instead of kept.

    Reference:
        SinKD, arXiv 2402.17110, Eqs. 14-17, at the costs of Eqs. 7 and 20.
    """
    inputs = _problems(student_points, teacher_points, log_student, log_teacher)
    leading = inputs[0].shape[:-1]
    flat = [tensor.reshape(-1, tensor.shape[-1]) for tensor in inputs]
    wanted = [torch.is_grad_enabled() and tensor.requires_grad for tensor in flat]
    with torch.no_grad():
        measured = _spread(flat[0], flat[1]) if spread is None else spread
        log_domain = measured > largest_spread(flat[0].dtype) * regularization
        told: dict[str, Any] = {"regularization": regularization, "iterations": iterations, "wanted": wanted}
        plain = tolerance is None and value == "transport" and plan_gradient == "unrolled"
        engine: Engine = "numba" if plain and not log_domain and loops_apply(*flat) else "torch"
        more: dict[str, Any] = {
            "log_domain": log_domain,
            "tolerance": tolerance,
            "value": value,
            "detached": plan_gradient == "detached",
        }
        solve = _by_loops if engine == "numba" else partial(_solve, **more)
        parts = [solve(*group, **told) for group in _groups(flat)]
    values, residual, u, v = (torch.cat(part) for part in zip(*(found.tensors for found in parts), strict=True))
    if any(wanted):
        derivatives = zip(*(found.known for found in parts), strict=True)
        values = known_gradient(values, flat, [_joined(part) for part in derivatives])
    converged = _joined(tuple(found.converged for found in parts))
    return LineTransport(
        value=values.reshape(leading),
        marginal_residual=residual.reshape(leading),
        iterations=max(found.iterations for found in parts),
        converged=None if converged is None else converged.reshape(leading),
        log_domain=log_domain,
        engine=engine,
        student_points=inputs[0].detach(),
        teacher_points=inputs[1].detach(),
        student_potential=u.reshape(inputs[0].shape),
        teacher_potential=v.reshape(inputs[1].shape),
        regularization=regularization,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Solved:
    """A few problems: value, residual and both potentials, and those of the value's derivatives that are wanted."""

    tensors: tuple[torch.Tensor, ...]
    known: list[torch.Tensor | None]
    iterations: int
    converged: torch.Tensor | None


def _by_loops(*sides: torch.Tensor, iterations: int, **told: Any) -> _Solved:
    from sinkd_plugin.ot.loops.loop_line import line_by_loops

    tensors, known = line_by_loops(*sides, iterations=iterations, **told)
    return _Solved(tensors=tensors, known=known, iterations=iterations, converged=None)


def _solve(
    student_points: torch.Tensor,
    teacher_points: torch.Tensor,
    log_student: torch.Tensor,
    log_teacher: torch.Tensor,
    *,
    regularization: float,
    iterations: int,
    log_domain: bool,
    wanted: Sequence[bool],
    tolerance: float | None,
    value: Value,
    detached: bool,
) -> _Solved:
    student, teacher = sorted_sides(student_points, teacher_points)
    problem = line(
        student,
        teacher,
        student.sort(log_student),
        teacher.sort(log_teacher),
        regularization=regularization,
        log_domain=log_domain,
    )
    unrolled = any(wanted) and not detached
    trajectory = Trajectory(problem, iterations, keep=unrolled, tolerance=tolerance)
    derivatives, row_mass = gradient_of_value(problem, trajectory, value)
    values = regularization * derivatives.log_student.sum(dim=-1)
    wrong = (row_mass - student.sort(log_student).exp()).abs().sum(dim=-1)
    residual = wrong / (2 * log_teacher.exp().sum(dim=-1))
    u = student.unsort(problem.logarithm(trajectory.student))
    v = teacher.unsort(problem.logarithm(trajectory.teacher))
    if unrolled:
        derivatives = line_gradient(problem, trajectory, derivatives, of_teacher=wanted[1])
    elif any(wanted):
        derivatives = gradient_of_given_plan(problem, trajectory)
    known = (
        student.unsort(derivatives.student),
        teacher.unsort(derivatives.teacher),
        regularization * student.unsort(derivatives.log_student),
        regularization * teacher.unsort(derivatives.log_teacher),
    )
    kept = [tensor if want else None for tensor, want in zip(known, wanted, strict=True)]
    return _Solved(
        tensors=(values, residual, u, v), known=kept, iterations=trajectory.iterations, converged=trajectory.converged
    )


def _problems(*given: torch.Tensor) -> list[torch.Tensor]:
    """Points and log-masses with equal leading dimensions, in float64 where the device has it."""
    student_points, teacher_points, log_student, log_teacher = given
    for points, masses in ((student_points, log_student), (teacher_points, log_teacher)):
        if points.dim() == 0 or points.shape[-1] == 0 or points.shape[-1:] != masses.shape[-1:]:
            raise LossInputError(
                "Each side needs one point or more, and as many log-masses as points.",
                received=f"points {tuple(points.shape)} and log-masses {tuple(masses.shape)}",
            )
    leading = torch.broadcast_shapes(*(tensor.shape[:-1] for tensor in given))  # type: ignore[no-untyped-call]
    wide = (tensor if tensor.device.type == "mps" else tensor.double() for tensor in given)
    return [tensor.expand(*leading, tensor.shape[-1]) for tensor in wide]


def _spread(student: torch.Tensor, teacher: torch.Tensor) -> float:
    """The longest distance between two points of one problem."""
    if student.numel() == 0:
        return 0.0
    highest = torch.maximum(student.amax(dim=-1), teacher.amax(dim=-1))
    lowest = torch.minimum(student.amin(dim=-1), teacher.amin(dim=-1))
    spread = (highest - lowest).max().item()
    if not math.isfinite(spread):
        raise LossInputError(
            "Points on a line must be finite.", received="NaN, an infinity, or a spread beyond the range of the type"
        )
    return spread


def _groups(tensors: Sequence[torch.Tensor]) -> Iterator[tuple[torch.Tensor, ...]]:
    """The same few problems of each tensor at a time."""
    problems = tensors[0].shape[0]
    points = tensors[0].shape[-1] + tensors[1].shape[-1]
    size = max(1, _GROUP // points) if tensors[0].device.type == "cpu" else max(1, problems)
    for first in range(0, max(1, problems), size):
        yield tuple(tensor[first : first + size] for tensor in tensors)


def _joined(parts: tuple[torch.Tensor | None, ...]) -> torch.Tensor | None:
    present = [part for part in parts if part is not None]
    return torch.cat(present) if present else None
