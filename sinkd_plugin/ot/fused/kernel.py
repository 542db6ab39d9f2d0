"""One program a group: distances, kernel, sweeps, value and all of that backwards, without leaving the registers.

The cost, the kernel and their like are ``(N, M)`` tiles, N and M being powers of 2 that hold the rows of both sides.
Only the scalings of every sweep go to memory and come back.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit  # type: ignore[untyped-decorator]
def sinkhorn_group(  # type: ignore[no-untyped-def]
    student,
    teacher,
    row_masses,
    column_masses,
    row_scalings,
    column_scalings,
    value,
    by_student,
    n,
    m,
    classes,
    regularization,
    sweeps,
    N: tl.constexpr,
    M: tl.constexpr,
    DIFFERENTIATE: tl.constexpr,
):
    """Solve the problem of one group.

    Args:
        student: ``(groups, n, classes)`` probabilities.
        teacher: ``(groups, m, classes)`` probabilities.
        row_masses: ``(groups, n)``, n times the mass of each of the student's rows.
        column_masses: ``(groups, m)``, n times the mass of each of the teacher's rows.
        row_scalings: ``(groups, T + 1, n)``, receives ``u_0 … u_T``; there is no u_0 but zeros.
        column_scalings: ``(groups, T + 1, m)``, receives ``v_0 … v_T``.
        value: ``(groups,)``, receives ``<P, D>``.
        by_student: ``(groups, n, classes)``, receives its derivative by the student's probabilities.
        n: The student's rows.
        m: The teacher's rows.
        classes: Classes.
        regularization: λ.
        sweeps: T.
        N: A power of 2, at least n.
        M: A power of 2, at least m.
        DIFFERENTIATE: Whether the derivative is wanted.
    """
    group = tl.program_id(0)
    i, j = tl.arange(0, N), tl.arange(0, M)
    in_rows, in_columns = i < n, j < m
    student += group * n * classes
    teacher += group * m * classes
    row_scalings += group * (sweeps + 1) * n
    column_scalings += group * (sweeps + 1) * m

    # D_ij = |s_i - t_j|_1 (Eq. 13), and K = exp(-D / λ), which nothing outside of the problem is part of.
    cost = tl.zeros((N, M), tl.float32)
    for k in range(classes):
        s = tl.load(student + i * classes + k, mask=in_rows, other=0.0)
        t = tl.load(teacher + j * classes + k, mask=in_columns, other=0.0)
        cost += tl.abs(s[:, None] - t[None, :])
    kernel = tl.where(in_rows[:, None] & in_columns[None, :], tl.exp(-cost / regularization), 0.0)

    # u = a / (K v), v = b / (Kᵀ u), T times (Eqs. 14-16). Points without mass take no part, even in the first sums.
    a = tl.load(row_masses + group * n + i, mask=in_rows, other=0.0)
    b = tl.load(column_masses + group * m + j, mask=in_columns, other=0.0)
    u, v = tl.zeros((N,), tl.float32), tl.where(b > 0, 1.0, 0.0)
    tl.store(row_scalings + i, u, mask=in_rows)
    tl.store(column_scalings + j, v, mask=in_columns)
    for step in range(1, sweeps + 1):
        u = a / tl.where(a > 0, tl.sum(kernel * v[None, :], axis=1), 1.0)
        v = b / tl.where(b > 0, tl.sum(kernel * u[:, None], axis=0), 1.0)
        tl.store(row_scalings + step * n + i, u, mask=in_rows)
        tl.store(column_scalings + step * m + j, v, mask=in_columns)

    # P = diag(u) K diag(v) (Eq. 17), <P, D> (Eq. 18).
    last_u, last_v = u / n, v
    weighted = kernel * last_u[:, None] * last_v[None, :] * cost
    by_row, by_column = tl.sum(weighted, axis=1), tl.sum(weighted, axis=0)
    tl.store(value + group, tl.sum(by_row, axis=0))

    if DIFFERENTIATE:
        # As ``loops.scaling_loops.replay``: x and y run back through the sweeps, and M is what these add.
        tl.debug_barrier()  # what other threads wrote is read
        per_row, per_column = 1 / tl.where(a > 0, a, 1.0), 1 / tl.where(b > 0, b, 1.0)
        x = by_column * v * per_column
        y = (tl.sum(kernel * x[None, :], axis=1) * u - by_row) * u * per_row
        moved = tl.zeros((N, M), tl.float32)
        for back in range(1, sweeps + 1):
            step = sweeps - back
            v = tl.load(column_scalings + step * m + j, mask=in_columns, other=0.0)
            moved += u[:, None] * x[None, :] - y[:, None] * v[None, :]
            x = tl.sum(kernel * y[:, None], axis=0) * v * v * per_column
            u = tl.load(row_scalings + step * n + i, mask=in_rows, other=0.0)
            y = tl.sum(kernel * x[None, :], axis=1) * u * u * per_row
        plan = kernel * last_u[:, None] * last_v[None, :]  # again, for registers are few
        by_cost = plan + (kernel * moved - plan * cost) / regularization
        by_student += group * n * classes
        for k in range(classes):
            s = tl.load(student + i * classes + k, mask=in_rows, other=0.0)
            t = tl.load(teacher + j * classes + k, mask=in_columns, other=0.0)
            above, below = s[:, None] > t[None, :], s[:, None] < t[None, :]
            derivative = tl.where(above, by_cost, 0.0) - tl.where(below, by_cost, 0.0)
            tl.store(by_student + i * classes + k, tl.sum(derivative, axis=1), mask=in_rows)
