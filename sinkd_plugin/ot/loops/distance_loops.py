"""Distances between rows and their gradients as loops: for few classes, and for very many.

A vector register holds neighbours in memory: rows of ``second`` for few classes, classes for many. The former loops
take stacks of problems, the latter one problem, or a few of its rows.
"""

from __future__ import annotations

import math

import numpy as np

from sinkd_plugin.ot.loops.compiled import compiled
from sinkd_plugin.ot.loops.types import Array

FEW_CLASSES = 64
"""Classes from which on a register holds neighbouring classes, and many exponentials at once pay."""

_CHUNK = 1024
"""Classes at a time: what the loops over pairs of rows read stays in the nearest cache, and sums of float32 are short
enough to be right to 4e-7."""


@compiled
def narrow(first: Array, second: Array, p: float, cost: Array) -> None:
    """``||first_i - second_j||_p`` for few classes.

    Args:
        first: ``(groups, n, classes)``.
        second: ``(groups, m, classes)``.
        p: 1, 2 or infinity.
        cost: Receives D.
    """
    for group in range(first.shape[0]):
        columns = _transposed(second[group])
        classes, m = columns.shape
        for i in range(first.shape[1]):
            row = cost[group, i]
            row[:] = 0
            for k in range(classes):
                x, other = first[group, i, k], columns[k]
                if p == 1:
                    for j in range(m):
                        row[j] += abs(x - other[j])
                elif p == 2:
                    for j in range(m):
                        row[j] += (x - other[j]) * (x - other[j])
                else:
                    for j in range(m):
                        gap = abs(x - other[j])
                        row[j] = row[j] if gap <= row[j] else gap  # a NaN stays
            if p == 2:
                for j in range(m):
                    row[j] = math.sqrt(row[j])


@compiled
def narrow_gradient(upstream: Array, first: Array, second: Array, p: float, cost: Array, by_first: Array) -> None:
    """``Σ_j upstream_ij ∂D_ij/∂first_i`` for few classes; the derivative of a difference or distance of 0 is 0.

    Args:
        upstream: ``(groups, n, m)``.
        first: ``(groups, n, classes)``.
        second: ``(groups, m, classes)``.
        p: 1, 2 or infinity; of several largest differences each has an equal share.
        cost: D.
        by_first: Receives ``(groups, n, classes)``.
    """
    share, zero = np.empty(upstream.shape[2], first.dtype), first.dtype.type(0)
    for group in range(first.shape[0]):
        columns = _transposed(second[group])
        classes, m = columns.shape
        for i in range(first.shape[1]):
            weights, distances = upstream[group, i], cost[group, i]
            if p != 1:
                _shares(weights, first[group, i], columns, p, distances, share)
                weights = share
            for k in range(classes):
                x, other = first[group, i, k], columns[k]
                total = zero
                if p == 1:
                    for j in range(m):
                        total += _signed(x, other[j], weights[j], zero)
                elif p == 2:
                    for j in range(m):
                        total += weights[j] * (x - other[j])
                else:
                    for j in range(m):
                        largest = abs(x - other[j]) == distances[j]
                        total += _signed(x, other[j], weights[j] if largest else zero, zero)
                by_first[group, i, k] = total


@compiled
def _shares(weights: Array, x: Array, columns: Array, p: float, distances: Array, share: Array) -> None:
    """A distance's weight over the distance for p = 2, and over how many differences are largest for p = ∞."""
    classes, m = columns.shape
    for j in range(m):
        share[j] = distances[j] if p == 2 else 0
    if p != 2:
        for k in range(classes):
            for j in range(m):
                if abs(x[k] - columns[k, j]) == distances[j]:
                    share[j] += 1
    for j in range(m):
        share[j] = weights[j] / share[j] if share[j] > 0 else share[j]


@compiled
def _transposed(rows: Array) -> Array:
    n, classes = rows.shape
    columns = np.empty((classes, n), rows.dtype)
    for j in range(n):
        for k in range(classes):
            columns[k, j] = rows[j, k]
    return columns


@compiled
def taxicab(first: Array, second: Array, cost: Array) -> None:
    """``Σ_k |first_ik - second_jk|`` for many classes: eight distances at a time, whose sums stay in registers.

    Args:
        first: ``(n, classes)``.
        second: ``(m, classes)``.
        cost: Receives D, ``(n, m)``.
    """
    n, classes = first.shape
    m, zero = second.shape[0], first.dtype.type(0)
    # Rows beyond the last are the last once more, and are not asked for at the end.
    sums = np.zeros((n + 3, m + 1), first.dtype)
    for start in range(0, classes, _CHUNK):
        chunk = slice(start, min(start + _CHUNK, classes))
        for i in range(0, n, 4):
            a, b = first[i, chunk], first[min(i + 1, n - 1), chunk]
            c, d = first[min(i + 2, n - 1), chunk], first[min(i + 3, n - 1), chunk]
            for j in range(0, m, 2):
                x, y = second[j, chunk], second[min(j + 1, m - 1), chunk]
                ax = bx = cx = dx = ay = by = cy = dy = zero
                for k in range(a.size):
                    ax += abs(a[k] - x[k])
                    bx += abs(b[k] - x[k])
                    cx += abs(c[k] - x[k])
                    dx += abs(d[k] - x[k])
                    ay += abs(a[k] - y[k])
                    by += abs(b[k] - y[k])
                    cy += abs(c[k] - y[k])
                    dy += abs(d[k] - y[k])
                sums[i, j] += ax
                sums[i + 1, j] += bx
                sums[i + 2, j] += cx
                sums[i + 3, j] += dx
                sums[i, j + 1] += ay
                sums[i + 1, j + 1] += by
                sums[i + 2, j + 1] += cy
                sums[i + 3, j + 1] += dy
    for i in range(n):
        for j in range(m):
            cost[i, j] = sums[i, j]


@compiled
def taxicab_gradient(upstream: Array, first: Array, second: Array, by_first: Array) -> None:
    """``Σ_j upstream_ij sign(first_ik - second_jk)`` for many classes; the sign of 0 is 0.

    Args:
        upstream: ``(n, m)``.
        first: ``(n, classes)``.
        second: ``(m, classes)``.
        by_first: Receives ``(n, classes)``.
    """
    n, classes = first.shape
    m, zero = second.shape[0], first.dtype.type(0)
    # Rows beyond the last are the last once more, of weight zero.
    weights = np.zeros((n, m + 3), first.dtype)
    for i in range(n):
        for j in range(m):
            weights[i, j] = upstream[i, j]
    for start in range(0, classes, _CHUNK):
        chunk = slice(start, min(start + _CHUNK, classes))
        for i in range(n):
            mine, out = first[i, chunk], by_first[i, chunk]
            out[:] = 0
            for j in range(0, m, 4):
                a, b = second[j, chunk], second[min(j + 1, m - 1), chunk]
                c, d = second[min(j + 2, m - 1), chunk], second[min(j + 3, m - 1), chunk]
                wa, wb, wc, wd = weights[i, j], weights[i, j + 1], weights[i, j + 2], weights[i, j + 3]
                for k in range(out.size):
                    x = mine[k]
                    two = _signed(x, a[k], wa, zero) + _signed(x, b[k], wb, zero)
                    out[k] += two + (_signed(x, c[k], wc, zero) + _signed(x, d[k], wd, zero))


@compiled
def _signed(x: float, y: float, weight: float, zero: float) -> float:
    """``weight`` times the sign of ``x - y``: for a processor two masked sums, and no multiplication."""
    return (weight if x > y else zero) - (weight if x < y else zero)
