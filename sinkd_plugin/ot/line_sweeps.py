"""Sinkhorn's sweeps between sorted points on a line."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from sinkd_plugin.ot.line_kernel import Crossing, ScalingCrossing, split
from sinkd_plugin.ot.line_log_kernel import LogCrossing
from sinkd_plugin.ot.line_order import SortedPoints

KEPT_NUMBERS = 2**26
"""How many potentials all sweeps together may keep for the gradient (512 MiB); beyond, they are computed twice."""


def largest_spread(dtype: torch.dtype) -> float:
    """The spread of the points, in units of λ, up to which plain numbers are safe for any masses and any T.

    With R the spread, the logarithm of a potential is 1-Lipschitz in units of λ, so that its range is at most R, and
    sweeps move potentials no further than R from where the first one put them: they stay within e^(3R), and the terms
    of a running sum within e^(3.5R). A term that underflows has to be negligible beside sums that can be as small as
    e^(-4R), read with a factor e^(R/2). A fifth of the exponent range holds all of it: 141 in float64.
    """
    return math.log(torch.finfo(dtype).max) / 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """Sorted problems, and what the sweeps need of them.

    Args:
        to_student: Products that are summed over the teacher's points.
        to_teacher: Products that are summed over the student's points.
        student_mass: ``(..., n)``; logarithms in the log domain.
        teacher_mass: ``(..., m)``; logarithms in the log domain.
        absent: ``(..., m)``, which of the teacher's points take no part in the first sums either.
        log_domain: Whether potentials are logarithms.
    """

    to_student: Crossing
    to_teacher: Crossing
    student_mass: torch.Tensor
    teacher_mass: torch.Tensor
    absent: torch.Tensor
    log_domain: bool

    def weigh(self, potential: torch.Tensor, mass: torch.Tensor) -> torch.Tensor:
        """A potential times masses."""
        return potential + mass if self.log_domain else potential * mass

    def logarithm(self, potential: torch.Tensor) -> torch.Tensor:
        """The logarithm of a potential."""
        return potential if self.log_domain else potential.log()

    def misplaced(self, student: torch.Tensor, following: torch.Tensor) -> torch.Tensor:
        """Share of each problem's mass at the wrong one of the student's points, ``(...)``.

        The mass of a point is what it should be times the ratio of its potential to the one that would put it right.

        Args:
            student: ``(..., n)`` potentials of a sweep.
            following: ``(..., n)`` potentials of the next one.
        """
        error = (student - following).expm1() if self.log_domain else student / following - 1
        masses = self.student_mass.exp() if self.log_domain else self.student_mass
        return (error.abs() * masses).sum(dim=-1) / (2 * masses.sum(dim=-1))

    def start(self) -> torch.Tensor:
        """What the teacher's potentials times masses are before the first sweep: ones (Eq. 14)."""
        ones = torch.zeros_like(self.teacher_mass) if self.log_domain else torch.ones_like(self.teacher_mass)
        return ones.masked_fill_(self.absent, -math.inf if self.log_domain else 0.0)


def line(
    student: SortedPoints,
    teacher: SortedPoints,
    log_student: torch.Tensor,
    log_teacher: torch.Tensor,
    *,
    regularization: float,
    log_domain: bool,
) -> Line:
    """Prepare both directions.

    Args:
        student: ``(..., n)`` points.
        teacher: ``(..., m)`` points.
        log_student: ``(..., n)``, in the order of the sorted points.
        log_teacher: ``(..., m)``.
        regularization: λ.
        log_domain: Whether to compute with logarithms.
    """
    lowest = torch.minimum(student.points[..., :1], teacher.points[..., :1])
    highest = torch.maximum(student.points[..., -1:], teacher.points[..., -1:])
    centre = lowest + (highest - lowest) / 2
    to_student = split(student, teacher, centre, regularization)
    to_teacher = split(teacher, student, centre, regularization)
    crossing = LogCrossing if log_domain else ScalingCrossing
    return Line(
        to_student=crossing(to_student),
        to_teacher=crossing(to_teacher),
        student_mass=log_student if log_domain else log_student.exp(),
        teacher_mass=log_teacher if log_domain else log_teacher.exp(),
        absent=log_teacher == -math.inf,
        log_domain=log_domain,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Sweep:
    """One sweep: what the teacher's side was before it, and the potentials after it.

    Args:
        before: ``(..., m)``, the teacher's potentials times masses.
        student: ``(..., n)`` potentials, without the masses.
        teacher: ``(..., m)`` potentials, without the masses.
    """

    before: torch.Tensor
    student: torch.Tensor
    teacher: torch.Tensor


_Potentials = tuple[torch.Tensor, torch.Tensor]


def _sweeps(problem: Line, before: torch.Tensor, count: int) -> Iterator[_Potentials]:
    """``count`` sweeps, each scaling the student's side and then the teacher's (Eqs. 14-16)."""
    for _ in range(count):
        student = problem.to_student.balance(before)
        teacher = problem.to_teacher.balance(problem.weigh(student, problem.student_mass))
        yield student, teacher
        before = problem.weigh(teacher, problem.teacher_mass)


class Trajectory:
    """All sweeps, of which only as many are kept at a time as memory allows.

    Args:
        problem: Both directions.
        iterations: T, at least 1; with a tolerance, the most there may be.
        keep: Whether the sweeps before the last will be asked for.
        tolerance: Sweep until at most this share of each problem's mass lies at the wrong point.

    Attributes:
        iterations: Sweeps done.
        converged: ``(...)``, whether each problem met the tolerance; ``None`` if there is none.
    """

    def __init__(self, problem: Line, iterations: int, *, keep: bool, tolerance: float | None = None) -> None:
        self._problem = problem
        self.iterations = 0
        self.converged: torch.Tensor | None = None
        numbers = iterations * (problem.student_mass.numel() + problem.teacher_mass.numel())
        whole = not keep or numbers <= KEPT_NUMBERS
        # With √T starts kept, a stretch of √T sweeps at a time is computed again.
        stretch = iterations if whole else math.isqrt(iterations - 1) + 1
        self._starts: list[tuple[torch.Tensor, int]] = []
        before = problem.start()
        for first in range(0, iterations, stretch):
            count = min(stretch, iterations - first)
            self._last: deque[_Potentials] = deque(maxlen=None if keep else 1)
            swept = _sweeps(problem, before, count) if tolerance is None else self._arriving(before, count, tolerance)
            self._last.extend(self._counted(swept))
            self._starts.append((before, self.iterations - first))
            before = problem.weigh(self._last[-1][1], problem.teacher_mass)
            if self.converged is not None and bool(self.converged.all()):
                break

    def _counted(self, sweeps: Iterator[_Potentials]) -> Iterator[_Potentials]:
        for sweep in sweeps:
            self.iterations += 1
            yield sweep

    def _arriving(self, before: torch.Tensor, count: int, tolerance: float) -> Iterator[_Potentials]:
        """The same sweeps, until the last problem has met the tolerance."""
        problem = self._problem
        student = problem.to_student.balance(before)
        for _ in range(count):
            teacher = problem.to_teacher.balance(problem.weigh(student, problem.student_mass))
            yield student, teacher
            following = problem.to_student.balance(problem.weigh(teacher, problem.teacher_mass))
            self.converged = problem.misplaced(student, following) <= tolerance
            if bool(self.converged.all()):
                return
            student = following

    @property
    def student(self) -> torch.Tensor:
        """Potentials times masses after the last sweep, ``(..., n)``."""
        return self._problem.weigh(self._last[-1][0], self._problem.student_mass)

    @property
    def teacher(self) -> torch.Tensor:
        """Potentials times masses after the last sweep, ``(..., m)``."""
        return self._problem.weigh(self._last[-1][1], self._problem.teacher_mass)

    def __reversed__(self) -> Iterator[Sweep]:
        """From the last sweep to the first."""
        stretches = iter(reversed(self._starts))
        start, _ = next(stretches)
        yield from self._backward(start, self._last)
        for start, count in stretches:
            yield from self._backward(start, deque(_sweeps(self._problem, start, count)))

    def _backward(self, start: torch.Tensor, stretch: deque[_Potentials]) -> Iterator[Sweep]:
        while stretch:
            student, teacher = stretch.pop()
            before = self._problem.weigh(stretch[-1][1], self._problem.teacher_mass) if stretch else start
            yield Sweep(before=before, student=student, teacher=teacher)
