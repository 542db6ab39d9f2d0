"""Products with the Laplace kernel between sorted points on a line, as loops over neighbours.

With the points of the other side split at x into those on the left and those on the right of it, a product with the
kernel ``K_ij = exp(-|x_i - y_j| / λ)`` reads two running sums, one of them from each end::

    up[k]    what the first k points weigh, each less by its distance to the last of them
    down[k]  what all but the first k points weigh, each less by its distance to the first of these

    Σ_j K_ij w_j = left_i up[upto_i] + right_i down[upto_i]

A step along a running sum is a multiplication by ``exp(-gap / λ) ≤ 1``: no exponential of a position is ever taken.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sinkd_plugin.ot.loops.compiled import compiled
from sinkd_plugin.ot.loops.types import Array

Ranks = npt.NDArray[np.int64]


class View(NamedTuple):
    """How the points of one side, the target, see those of the other, the source; both ascending.

    Args:
        below: ``(n,)``, how many source points are less than each target point.
        upto: ``(n,)``, how many are less or equal.
        left: ``(n,)``, K between each target point and the last source point that is not above it; 0 if none is.
        strictly_left: ``(n,)``, the same with the last that is below.
        right: ``(n,)``, the same with the first that is above.
        step: ``(m + 1,)``, K between each source point and the one before.
        target: ``(n,)``.
        source: ``(m,)``.
        regularization: λ.
    """

    below: Ranks
    upto: Ranks
    left: Array
    strictly_left: Array
    right: Array
    step: Array
    target: Array
    source: Array
    regularization: float


class Sums(NamedTuple):
    """Running sums over a source.

    Args:
        up: ``(m + 1,)``.
        down: ``(m + 1,)``.
    """

    up: Array
    down: Array


@compiled
def view(target: Array, source: Array, regularization: float) -> View:
    """See ``View``.

    Args:
        target: ``(n,)``, ascending.
        source: ``(m,)``, ascending.
        regularization: λ.
    """
    n, m = target.size, source.size
    below, upto = np.empty(n, np.int64), np.empty(n, np.int64)
    left, strictly_left, right = np.zeros(n), np.zeros(n), np.zeros(n)
    step = np.zeros(m + 1)
    for k in range(1, m):
        step[k] = math.exp((source[k - 1] - source[k]) / regularization)
    less = not_more = 0
    for i in range(n):
        x = target[i]
        while less < m and source[less] < x:
            less += 1
        while not_more < m and source[not_more] <= x:
            not_more += 1
        below[i], upto[i] = less, not_more
        if not_more > 0:
            left[i] = math.exp((source[not_more - 1] - x) / regularization)
        if less > 0:
            strictly_left[i] = math.exp((source[less - 1] - x) / regularization)
        if not_more < m:
            right[i] = math.exp((x - source[not_more]) / regularization)
    return View(below, upto, left, strictly_left, right, step, target, source, regularization)


@compiled
def sums_like(source: Array) -> Sums:
    """Room for running sums.

    Args:
        source: ``(m,)``.
    """
    return Sums(np.zeros(source.size + 1), np.zeros(source.size + 1))


@compiled
def run(step: Array, potential: Array, amount: Array, sums: Sums) -> None:
    """Both running sums of ``potential ∘ amount``.

    Args:
        step: Of the view that reads.
        potential: ``(m,)``.
        amount: ``(m,)``.
        sums: Receives them.
    """
    up, down, m = sums.up, sums.down, potential.size
    above = below = 0.0
    # Two chains of dependent operations at once: a processor waits for one while it works at the other.
    for k in range(m):
        j = m - 1 - k
        below = below * step[k] + potential[k] * amount[k]
        above = above * step[j + 1] + potential[j] * amount[j]
        up[k + 1], down[j] = below, above


@compiled
def balance(seen: View, sums: Sums, potential: Array) -> None:
    """Half a sweep, ``1 / (K w)`` (Eq. 14), up to the target's masses.

    Args:
        seen: The target's view.
        sums: Of w.
        potential: Receives ``(n,)``.
    """
    upto, left, right, up, down = seen.upto, seen.left, seen.right, sums.up, sums.down
    for i in range(potential.size):
        at = upto[i]
        potential[i] = 1 / (left[i] * up[at] + right[i] * down[at])


@compiled
def read(seen: View, sums: Sums, even: Array, odd: Array) -> None:
    """``Σ_j K_ij w_j`` and ``Σ_j K_ij sign(x_i - y_j) w_j``; the sign of equal points is 0.

    Args:
        seen: The target's view.
        sums: Of w.
        even: Receives the former, ``(n,)``.
        odd: Receives the latter, ``(n,)``.
    """
    below, upto, up, down = seen.below, seen.upto, sums.up, sums.down
    left, strictly_left, right = seen.left, seen.strictly_left, seen.right
    for i in range(even.size):
        at = upto[i]
        above = right[i] * down[at]
        even[i] = left[i] * up[at] + above
        odd[i] = strictly_left[i] * up[below[i]] - above


@compiled
def read_distances(seen: View, sums: Sums, even: Array, odd: Array) -> None:
    """As ``read``, with ``K_ij |x_i - y_j| / λ`` in place of the kernel.

    Every gap is walked by all that lies behind it. ``x Σ w - Σ y w`` would be the same, but for close points it is the
    difference of two large numbers.
    """
    source, m = seen.source, seen.source.size
    up, down = np.zeros(m + 1), np.zeros(m + 1)
    for k in range(1, m):
        gap = (source[k] - source[k - 1]) / seen.regularization
        up[k + 1] = seen.step[k] * (up[k] + gap * sums.up[k])
    for k in range(m - 1, 0, -1):
        gap = (source[k] - source[k - 1]) / seen.regularization
        down[k - 1] = seen.step[k] * (down[k] + gap * sums.down[k])
    for i in range(even.size):
        at, left, right = seen.upto[i], 0.0, 0.0
        if at > 0:
            reach = (seen.target[i] - source[at - 1]) / seen.regularization
            left = seen.left[i] * (up[at] + reach * sums.up[at])
        if at < m:
            reach = (source[at] - seen.target[i]) / seen.regularization
            right = seen.right[i] * (down[at] + reach * sums.down[at])
        even[i], odd[i] = left + right, left - right
