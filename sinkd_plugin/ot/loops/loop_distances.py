"""Distances and their gradients by compiled loops."""

from __future__ import annotations

import numpy as np
import torch

from sinkd_plugin.ot.loops import distance_loops
from sinkd_plugin.ot.loops.distance_loops import FEW_CLASSES
from sinkd_plugin.ot.loops.operators import Operator
from sinkd_plugin.ot.loops.slabs import over_slabs
from sinkd_plugin.ot.loops.types import Array


def distances_between(first: Array, second: Array, p: float) -> Array:
    """``||first_i - second_j||_p``.

    Args:
        first: ``(groups, n, classes)``.
        second: ``(groups, m, classes)``.
        p: 1, 2 or infinity.

    Returns:
        ``(groups, n, m)``.
    """
    cost = np.empty((*first.shape[:2], second.shape[1]), first.dtype)
    if p != 1 or first.shape[-1] < FEW_CLASSES:
        distance_loops.narrow(first, second, p, cost)
        return cost
    for here, there, out in zip(first, second, cost, strict=True):

        def measure(rows: slice, here: Array = here, there: Array = there, out: Array = out) -> None:
            distance_loops.taxicab(here[rows], there, out[rows])

        over_slabs(measure, len(here), here.size * len(there))
    return cost


def gradient_of_distances(upstream: Array, first: Array, second: Array, p: float, cost: Array) -> Array:
    """``Σ_j upstream_ij ∂D_ij/∂first_i``.

    Args:
        upstream: ``(groups, n, m)``.
        first: ``(groups, n, classes)``.
        second: ``(groups, m, classes)``.
        p: 1, 2 or infinity.
        cost: ``(groups, n, m)``, the distances.

    Returns:
        ``(groups, n, classes)``.
    """
    by_first = np.empty_like(first)
    if p != 1 or first.shape[-1] < FEW_CLASSES:
        distance_loops.narrow_gradient(upstream, first, second, p, cost, by_first)
        return by_first
    for weights, here, there, out in zip(upstream, first, second, by_first, strict=True):

        def differentiate(
            rows: slice, weights: Array = weights, here: Array = here, there: Array = there, out: Array = out
        ) -> None:
            distance_loops.taxicab_gradient(weights[rows], here[rows], there, out[rows])

        over_slabs(differentiate, len(here), here.size * len(there))
    return by_first


def stack(matrices: torch.Tensor) -> Array:
    """Detached numbers in memory as ``(groups, n, m)``."""
    array: Array = matrices.numpy().reshape(-1, *matrices.shape[-2:])
    return np.ascontiguousarray(array)


def _distances(first: torch.Tensor, second: torch.Tensor, p: float) -> torch.Tensor:
    cost = distances_between(stack(first), stack(second), p)
    return torch.from_numpy(cost).reshape(*first.shape[:-1], -1)


def _distances_gradient(
    upstream: torch.Tensor, first: torch.Tensor, second: torch.Tensor, p: float, cost: torch.Tensor
) -> torch.Tensor:
    by_first = gradient_of_distances(stack(upstream), stack(first), stack(second), p, stack(cost))
    return torch.from_numpy(by_first).reshape(first.shape)


loop_distances: Operator[torch.Tensor] = Operator(
    _distances, lambda first, second, p: first.new_empty(*first.shape[:-1], second.shape[-2])
)
"""As ``distances.distances``, of detached tensors and without a derivative."""

loop_distances_gradient: Operator[torch.Tensor] = Operator(
    _distances_gradient, lambda upstream, first, second, p, cost: first.new_empty(first.shape)
)
"""As ``distances.distances_gradient``, of detached tensors."""
