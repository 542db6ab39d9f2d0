"""The paper's problem from beginning to end, as one compiled function for groups of few rows and classes."""

from __future__ import annotations

import numpy as np

from sinkd_plugin.ot.loops.compiled import compiled
from sinkd_plugin.ot.loops.distance_loops import narrow, narrow_gradient
from sinkd_plugin.ot.loops.scaling_loops import begin, combine, kernel_of, solve
from sinkd_plugin.ot.loops.softmax_loops import narrow_softmax, softmax_gradient
from sinkd_plugin.ot.loops.types import Array


@compiled
def small_batch(
    student_logits: Array,
    teacher_logits: Array,
    rows: Array,
    columns: Array,
    temperature: float,
    p: float,
    regularization: float,
    iterations: int,
    entropy: float,
    value: Array,
    by_logits: Array,
    differentiate: bool,
) -> None:
    """Softmax, distances (Eq. 13), kernel, sweeps (Eqs. 14-16), value (Eq. 18), and all of that backwards.

    Args:
        student_logits: ``(groups, n, classes)``.
        teacher_logits: ``(groups, m, classes)``.
        rows: ``(groups, n)``, n times the mass of each of the student's rows.
        columns: ``(groups, m)``, n times the mass of each of the teacher's rows.
        temperature: τ.
        p: 1, 2 or infinity.
        regularization: λ.
        iterations: T.
        entropy: λ for the value ``<P, D> - λ h(P)``, 0 for ``<P, D>``.
        value: Receives ``(groups,)``.
        by_logits: Receives ``(groups, n, classes)``, the derivative by the student's logits, if it is wanted.
        differentiate: Whether it is.
    """
    groups, n, _ = student_logits.shape
    m = teacher_logits.shape[1]
    student, teacher = np.empty_like(student_logits), np.empty_like(teacher_logits)
    narrow_softmax(student_logits, temperature, student)
    narrow_softmax(teacher_logits, temperature, teacher)
    cost = np.empty((groups, n, m), student.dtype)
    narrow(student, teacher, p, cost)
    kernel = np.empty_like(cost)
    kernel_of(cost, regularization, kernel)
    left = np.empty((groups, 2 * iterations, n), student.dtype)
    right = np.empty((groups, 2 * iterations + 1, m), student.dtype)
    begin(columns, right)
    solve(kernel, cost, rows, columns, left, right, entropy, value, differentiate)
    if differentiate:
        by_cost = np.empty_like(cost)
        combine(kernel, cost, left, right, entropy, regularization, by_cost, False)
        narrow_gradient(by_cost, student, teacher, p, cost, by_logits)
        softmax_gradient(student, temperature, by_logits)
