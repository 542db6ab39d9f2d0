"""Sinkhorn's sweeps between sorted points on a line, and their exact gradient, as loops.

The potentials α and β are ``u / a`` and ``v / b``, finite for points without mass too. Their histories are ``(T, n)``
and ``(T, m)``, or of as many sweeps at a time as memory allows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sinkd_plugin.ot.loops.compiled import compiled
from sinkd_plugin.ot.loops.line_loops import Ranks, Sums, View, balance, read, read_distances, run, sums_like, view
from sinkd_plugin.ot.loops.types import Array


class Line(NamedTuple):
    """One problem, and room to work in.

    Args:
        student: How the student's points see the teacher's.
        teacher: How the teacher's points see the student's.
        a: ``(n,)``, the student's masses.
        b: ``(m,)``, the teacher's masses.
        over_teacher: Running sums over the teacher's points.
        over_student: Running sums over the student's points.
        student_even: ``(n,)``, what was read of them.
        student_odd: ``(n,)``.
        teacher_even: ``(m,)``.
        teacher_odd: ``(m,)``.
    """

    student: View
    teacher: View
    a: Array
    b: Array
    over_teacher: Sums
    over_student: Sums
    student_even: Array
    student_odd: Array
    teacher_even: Array
    teacher_odd: Array


class Gradient(NamedTuple):
    """Derivatives of ``<P, D> / λ``.

    Args:
        student: ``(n,)``, by the student's positions in units of λ.
        teacher: ``(m,)``, the same of the teacher's.
        log_student: ``(n,)``, by log a.
        log_teacher: ``(m,)``, by log b.
        alpha: ``(n,)``, by log α of the sweep that was reached.
        beta: ``(m,)``, by log β.
    """

    student: Array
    teacher: Array
    log_student: Array
    log_teacher: Array
    alpha: Array
    beta: Array


@compiled
def line(student: Array, teacher: Array, a: Array, b: Array, regularization: float) -> Line:
    """Prepare a problem.

    Args:
        student: ``(n,)`` points, ascending.
        teacher: ``(m,)`` points, ascending.
        a: ``(n,)`` masses.
        b: ``(m,)`` masses.
        regularization: λ.
    """
    n, m = student.size, teacher.size
    return Line(
        view(student, teacher, regularization),
        view(teacher, student, regularization),
        a,
        b,
        sums_like(teacher),
        sums_like(student),
        np.empty(n),
        np.empty(n),
        np.empty(m),
        np.empty(m),
    )


@compiled
def sweep(problem: Line, start: Array, amount: Array, alpha: Array, beta: Array) -> None:
    """As many sweeps as there is room for (Eqs. 14-16).

    Args:
        problem: The problem.
        start: ``(m,)``, β before the first sweep.
        amount: ``(m,)``, what it is multiplied with: b, or ones at the very beginning.
        alpha: Receives the history.
        beta: Receives the history.
    """
    for t in range(alpha.shape[0]):
        if t > 0:
            run(problem.student.step, beta[t - 1], problem.b, problem.over_teacher)
        else:
            run(problem.student.step, start, amount, problem.over_teacher)
        balance(problem.student, problem.over_teacher, alpha[t])
        run(problem.teacher.step, alpha[t], problem.a, problem.over_student)
        balance(problem.teacher, problem.over_student, beta[t])


@compiled
def weigh(problem: Line, alpha: Array, beta: Array, row_mass: Array) -> Gradient:
    """The derivatives of ``Σ α_i a_i K_ij D_ij β_j b_j / λ`` by positions, log α and log β.

    Args:
        problem: The problem.
        alpha: ``(n,)``, after the last sweep.
        beta: ``(m,)``, after the last sweep.
        row_mass: Receives the mass of each row of the plan, ``(n,)``.
    """
    n, m = alpha.size, beta.size
    found = Gradient(np.zeros(n), np.zeros(m), np.zeros(n), np.zeros(m), np.zeros(n), np.zeros(m))
    away = np.empty(n)
    run(problem.student.step, beta, problem.b, problem.over_teacher)
    read(problem.student, problem.over_teacher, problem.student_even, problem.student_odd)
    read_distances(problem.student, problem.over_teacher, found.alpha, away)
    for i in range(n):
        u = alpha[i] * problem.a[i]
        found.alpha[i] *= u
        found.student[i] = u * (problem.student_odd[i] - away[i])
        row_mass[i] = u * problem.student_even[i]
    away = np.empty(m)
    run(problem.teacher.step, alpha, problem.a, problem.over_student)
    read(problem.teacher, problem.over_student, problem.teacher_even, problem.teacher_odd)
    read_distances(problem.teacher, problem.over_student, found.beta, away)
    for j in range(m):
        v = beta[j] * problem.b[j]
        found.beta[j] *= v
        found.teacher[j] = v * (problem.teacher_odd[j] - away[j])
    return found


@compiled
def replay(
    problem: Line, start: Array, amount: Array, alpha: Array, beta: Array, found: Gradient, of_teacher: bool
) -> None:
    """Pull the derivatives back through the sweeps of a history, last to first.

    Half a sweep is ``log α = -log(K β b)``: its derivative by log β_j is ``-α_i K_ij β_j b_j``, and by x_i, in units of
    λ, ``α_i Σ_j sign(x_i - y_j) K_ij β_j b_j``.

    Args:
        problem: The problem.
        start: As for ``sweep``.
        amount: As for ``sweep``.
        alpha: Their history.
        beta: Their history.
        found: Derivatives by log α and log β after them; receives those before them, and what they add to the others.
        of_teacher: Whether the teacher's positions are differentiated by.
    """
    for t in range(alpha.shape[0] - 1, -1, -1):
        _through_columns(problem, alpha[t], beta[t], found, of_teacher)
        if t > 0:
            _through_rows(problem, alpha[t], beta[t - 1], problem.b, found, of_teacher)
        else:
            _through_rows(problem, alpha[t], start, amount, found, of_teacher)


@compiled
def _through_columns(problem: Line, alpha: Array, beta: Array, found: Gradient, of_teacher: bool) -> None:
    """From log β to log α, by the half-sweep of the teacher's side."""
    by_beta, by_teacher, by_mass, odd = found.beta, found.teacher, found.log_teacher, problem.teacher_odd
    for j in range(beta.size):
        by_mass[j] += by_beta[j]
    if of_teacher:
        run(problem.teacher.step, alpha, problem.a, problem.over_student)
        read(problem.teacher, problem.over_student, problem.teacher_even, odd)
        for j in range(beta.size):
            by_teacher[j] += by_beta[j] * beta[j] * odd[j]
    run(problem.student.step, beta, by_beta, problem.over_teacher)
    read(problem.student, problem.over_teacher, problem.student_even, problem.student_odd)
    by_alpha, by_student, a = found.alpha, found.student, problem.a
    even, odd = problem.student_even, problem.student_odd
    for i in range(alpha.size):
        u = alpha[i] * a[i]
        by_alpha[i] -= u * even[i]
        by_student[i] += u * odd[i]


@compiled
def _through_rows(
    problem: Line, alpha: Array, potential: Array, amount: Array, found: Gradient, of_teacher: bool
) -> None:
    """From log α to the log β of the sweep before, by the half-sweep of the student's side."""
    run(problem.student.step, potential, amount, problem.over_teacher)
    read(problem.student, problem.over_teacher, problem.student_even, problem.student_odd)
    by_alpha, by_student, by_mass, odd = found.alpha, found.student, found.log_student, problem.student_odd
    for i in range(alpha.size):
        by_mass[i] += by_alpha[i]
        by_student[i] += by_alpha[i] * alpha[i] * odd[i]
    run(problem.teacher.step, alpha, by_alpha, problem.over_student)
    read(problem.teacher, problem.over_student, problem.teacher_even, problem.teacher_odd)
    by_beta, by_teacher, even, odd = found.beta, found.teacher, problem.teacher_even, problem.teacher_odd
    for j in range(potential.size):
        before = potential[j] * amount[j]
        by_beta[j] = -before * even[j]
        if of_teacher:
            by_teacher[j] += before * odd[j]
    for i in range(alpha.size):
        by_alpha[i] = 0.0


@compiled
def solve(
    points: tuple[Array, Array],
    orders: tuple[Ranks, Ranks],
    masses: tuple[Array, Array],
    starts: Array,
    regularization: float,
    iterations: int,
    stretch: int,
    differentiate: bool,
    of_teacher: bool,
    values: Array,
    row_masses: Array,
    potentials: tuple[Array, Array],
    by_points: tuple[Array, Array],
    by_masses: tuple[Array, Array],
) -> None:
    """Solve problems one after the other; pairs are the student's and the teacher's.

    Args:
        points: ``(problems, n)`` and ``(problems, m)``.
        orders: What sorts them.
        masses: Of each point.
        starts: ``(problems, m)``, ``v_0``.
        regularization: λ.
        iterations: T.
        stretch: Sweeps to keep at a time. All others are computed again on the way back, from every ``stretch``-th.
        differentiate: Whether derivatives are wanted.
        of_teacher: Whether those by the teacher's positions are.
        values: Receives ``(problems,)``, ``<P, D>``.
        row_masses: Receives ``(problems, n)``, of the plan.
        potentials: Receive log u and log v.
        by_points: Receive the derivatives by the positions.
        by_masses: Receive the derivatives by the logarithms of the masses.
    """
    n, m = points[0].shape[1], points[1].shape[1]
    stretches = (iterations + stretch - 1) // stretch
    alpha, beta = np.empty((stretch, n)), np.empty((stretch, m))
    begun = np.empty((stretches if differentiate else 1, m))
    ones: Array = np.ones(m)
    for g in range(values.size):
        problem = line(
            points[0][g][orders[0][g]],
            points[1][g][orders[1][g]],
            masses[0][g][orders[0][g]],
            masses[1][g][orders[1][g]],
            regularization,
        )
        before: Array = starts[g][orders[1][g]]
        amount, done = ones, 0
        for s in range(stretches):
            done = min(stretch, iterations - s * stretch)
            begun[s if differentiate else 0] = before
            sweep(problem, before, amount, alpha[:done], beta[:done])
            before, amount = beta[done - 1].copy(), problem.b
        row_mass = np.empty(n)
        found = weigh(problem, alpha[done - 1], beta[done - 1], row_mass)
        for i in range(n):
            at = orders[0][g, i]
            values[g] += found.alpha[i] * regularization
            row_masses[g, at] = row_mass[i]
            potentials[0][g, at] = np.log(alpha[done - 1, i] * problem.a[i])
        for j in range(m):
            potentials[1][g, orders[1][g, j]] = np.log(beta[done - 1, j] * problem.b[j])
        if not differentiate:
            continue
        for s in range(stretches - 1, -1, -1):
            done = min(stretch, iterations - s * stretch)
            if s < stretches - 1:
                sweep(problem, begun[s], problem.b if s else ones, alpha[:done], beta[:done])
            replay(problem, begun[s], problem.b if s else ones, alpha[:done], beta[:done], found, of_teacher)
        for i in range(n):
            by_points[0][g, orders[0][g, i]] = found.student[i]
            by_masses[0][g, orders[0][g, i]] = found.log_student[i] * regularization
        for j in range(m):
            by_points[1][g, orders[1][g, j]] = found.teacher[j]
            by_masses[1][g, orders[1][g, j]] = found.log_teacher[j] * regularization
