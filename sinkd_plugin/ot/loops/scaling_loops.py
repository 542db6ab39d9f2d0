"""Sinkhorn's sweeps on scalings as loops. The kernel is read once a sweep: with a row's sum, its share is at hand.

Arrays are stacks of problems. The kernel K and the cost D are ``(groups, n, m)``, the masses a and b ``(groups, n)``
and ``(groups, m)``. What happens to the vectors is written down in two arrays, whose product the gradient needs::

    left   (groups, 2 T, n)      u_1 … u_T      -y_1 … -y_T
    right  (groups, 2 T + 1, m)  x_1 … x_T       v_0 … v_(T-1)   v_T

with the scalings u and v, and their counterparts x and y on the way back. Masses are n times those of a plan of mass 1,
and so are the scalings: the plan is ``u_T,i K_ij v_T,j / n``.
"""

from __future__ import annotations

import math

import numpy as np

from sinkd_plugin.ot.loops.compiled import compiled
from sinkd_plugin.ot.loops.types import Array


@compiled
def absorb(cost: Array, rows: Array, columns: Array, shift: Array) -> None:
    """Subtract each row's least cost, then each column's; points without mass have no say in it.

    Args:
        cost: D; is changed.
        rows: a.
        columns: b.
        shift: Receives what was subtracted from the columns, ``(groups, m)``.
    """
    groups, n, m = cost.shape
    for group in range(groups):
        least = shift[group]
        least[:] = np.inf
        for i in range(n):
            row = cost[group, i]
            smallest = cost.dtype.type(np.inf)
            for j in range(m):
                if columns[group, j] > 0:
                    smallest = min(smallest, row[j])
            for j in range(m):
                row[j] -= smallest
                if rows[group, i] > 0:
                    least[j] = min(least[j], row[j])
        # Only a point without mass can be nearer than the nearest that has some; it needs no more than to be finite.
        for i in range(n):
            for j in range(m):
                left = cost[group, i, j] - least[j]
                cost[group, i, j] = 0 if left < 0 else left


@compiled
def kernel_of(cost: Array, regularization: float, kernel: Array) -> None:
    """``K = exp(-D / λ)``, for so few entries that they are computed one at a time.

    Args:
        cost: D.
        regularization: λ.
        kernel: Receives K.
    """
    groups, n, m = cost.shape
    for group in range(groups):
        for i in range(n):
            for j in range(m):
                kernel[group, i, j] = math.exp(cost[group, i, j] / cost.dtype.type(-regularization))


@compiled
def begin(columns: Array, right: Array) -> None:
    """``v_0 = 1`` (Eq. 14), but a column that does not count takes no part in the first sums either.

    Args:
        columns: b.
        right: Receives ``v_0``.
    """
    groups, m = columns.shape
    for group in range(groups):
        for j in range(m):
            right[group, right.shape[1] // 2, j] = 1 if columns[group, j] > 0 else 0


@compiled
def solve(
    kernel: Array,
    cost: Array,
    rows: Array,
    columns: Array,
    left: Array,
    right: Array,
    entropy: float,
    value: Array,
    back: bool,
) -> None:
    """The sweeps, the value of each problem and, if wanted, the way back.

    Args:
        kernel: K.
        cost: D.
        rows: a.
        columns: b.
        left: Receives u and, on the way back, -y.
        right: Holds ``v_0``, receives all other v and, on the way back, x.
        entropy: λ for the value ``<P, D> - λ h(P)``, 0 for ``<P, D>`` (Eq. 18).
        value: Receives ``(groups,)``.
        back: Whether the gradient is wanted.
    """
    by_row, by_column = np.empty_like(rows), np.empty_like(columns)
    _sweep(kernel, rows, columns, left, right)
    _weigh(kernel, cost, left, right, entropy, by_row, by_column)
    for group in range(value.size):
        value[group] = 0
        for i in range(by_row.shape[1]):
            value[group] += by_row[group, i]
    if back:
        _replay(kernel, rows, columns, by_row, by_column, left, right)


@compiled
def combine(
    kernel: Array,
    cost: Array,
    left: Array,
    right: Array,
    entropy: float,
    regularization: float,
    gradient: Array,
    multiplied: bool,
) -> None:
    """``P + (K ∘ M - W) / λ``, with M what the half-sweeps add, and W what P's entries add to the value.

    Args:
        kernel: K.
        cost: D.
        left: As ``solve`` leaves it.
        right: As ``solve`` leaves it.
        entropy: As in ``solve``.
        regularization: λ.
        gradient: Receives the derivative by the cost, ``(groups, n, m)``.
        multiplied: Whether it holds ``M = leftᵀ right`` already.
    """
    groups, n, m = kernel.shape
    sweeps = left.shape[1] // 2
    share = kernel.dtype.type(1 / regularization)
    for group in range(groups):
        final = right[group, -1]
        for i in range(n):
            row, costs, out = kernel[group, i], cost[group, i], gradient[group, i]
            if not multiplied:
                out[:] = 0
                for t in range(left.shape[1]):
                    factor, other = left[group, t, i], right[group, t]
                    for j in range(m):
                        out[j] += factor * other[j]
            u = left[group, sweeps - 1, i] / kernel.dtype.type(n)
            if entropy == 0:
                for j in range(m):
                    plan = u * row[j] * final[j]
                    out[j] = plan + (row[j] * out[j] - plan * costs[j]) * share
            else:
                for j in range(m):
                    plan = u * row[j] * final[j]
                    out[j] = plan + (row[j] * out[j] - _with_entropy(plan, costs[j], entropy)) * share


@compiled
def _sweep(kernel: Array, rows: Array, columns: Array, left: Array, right: Array) -> None:
    """T sweeps: ``u_t = a / (K v_(t-1))`` and ``v_t = b / (Kᵀ u_t)`` (Eqs. 14-16, by quotients).

    Args:
        kernel: K.
        rows: a.
        columns: b.
        left: Receives u.
        right: Holds ``v_0``, receives all other v.
    """
    groups, n, m = kernel.shape
    sweeps = left.shape[1] // 2
    for group in range(groups):
        for t in range(sweeps):
            before, after = right[group, sweeps + t], right[group, sweeps + t + 1]
            after[:] = 0
            for i in range(n):
                row = kernel[group, i]
                total = kernel.dtype.type(0)
                for j in range(m):
                    total += row[j] * before[j]
                scaling = _quotient(rows[group, i], total)
                left[group, t, i] = scaling
                for j in range(m):
                    after[j] += scaling * row[j]
            for j in range(m):
                after[j] = _quotient(columns[group, j], after[j])


@compiled
def _weigh(
    kernel: Array, cost: Array, left: Array, right: Array, entropy: float, by_row: Array, by_column: Array
) -> None:
    """What the value gains from a relative change of each row and of each column of the plan.

    Args:
        kernel: K.
        cost: D.
        left: Holds ``u_T``.
        right: Holds ``v_T``.
        entropy: As in ``solve``.
        by_row: Receives ``(groups, n)``; their sum is the value.
        by_column: Receives ``(groups, m)``.
    """
    groups, n, m = kernel.shape
    last = left.shape[1] // 2 - 1
    for group in range(groups):
        v, sums = right[group, -1], by_column[group]
        sums[:] = 0
        for i in range(n):
            row, costs = kernel[group, i], cost[group, i]
            u = left[group, last, i] / kernel.dtype.type(n)
            total = kernel.dtype.type(0)
            if entropy == 0:
                for j in range(m):
                    weighted = u * row[j] * v[j] * costs[j]
                    total += weighted
                    sums[j] += weighted
            else:
                for j in range(m):
                    weighted = _with_entropy(u * row[j] * v[j], costs[j], entropy)
                    total += weighted
                    sums[j] += weighted
            by_row[group, i] = total


@compiled
def _replay(
    kernel: Array, rows: Array, columns: Array, by_row: Array, by_column: Array, left: Array, right: Array
) -> None:
    """Pull the sums of ``_weigh`` back through the sweeps, last to first.

    With r_t and c_t the derivatives by log u_t and log v_t, ``y_t = -r_t u_t / a`` and ``x_t = c_t v_t / b``. A
    divisor's logarithm hands them on as ``r_t = -u_t ∘ K x_t`` and ``c_(t-1) = v_(t-1) ∘ Kᵀ y_t``, and what the
    half-sweeps add to the derivative by K is ``Σ_t u_t x_tᵀ - y_t v_(t-1)ᵀ``.

    Args:
        kernel: K.
        rows: a.
        columns: b.
        by_row: From ``_weigh``; used up.
        by_column: From ``_weigh``.
        left: Holds u, receives -y.
        right: Holds v, receives x.
    """
    groups, n, m = kernel.shape
    sweeps = left.shape[1] // 2
    for group in range(groups):
        direct, v = by_row[group], right[group, sweeps * 2]
        for j in range(m):
            right[group, sweeps - 1, j] = by_column[group, j] * _per_mass(v[j], columns[group, j])
        for t in range(sweeps - 1, -1, -1):
            x, u, v = right[group, t], left[group, t], right[group, sweeps + t]
            pulled = right[group, max(t - 1, 0)]
            if t > 0:
                pulled[:] = 0
            for i in range(n):
                row = kernel[group, i]
                total = kernel.dtype.type(0)
                for j in range(m):
                    total += row[j] * x[j]
                y = (total * u[i] - direct[i]) * _per_mass(u[i], rows[group, i])
                left[group, sweeps + t, i] = -y
                if t > 0:
                    for j in range(m):
                        pulled[j] += y * row[j]
            direct[:] = 0  # only the last row scaling is part of the plan itself
            if t > 0:
                for j in range(m):
                    pulled[j] *= v[j] * _per_mass(v[j], columns[group, j])


@compiled
def _with_entropy(plan: float, cost: float, entropy: float) -> float:
    return plan * (cost + entropy * math.log(plan)) if plan > 0 else plan * cost


@compiled
def _quotient(mass: float, total: float) -> float:
    """A mass over a sum; of a point without mass the sum may have underflowed."""
    return mass / total if mass > 0 else mass


@compiled
def _per_mass(scaling: float, mass: float) -> float:
    """A scaling over its mass; where there is no mass, the scaling, which is 0 there."""
    return scaling / mass if mass > 0 else scaling
