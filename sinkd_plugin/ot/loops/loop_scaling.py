"""Sweeps on scalings by compiled loops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from sinkd_plugin.ot.engine import Engine
from sinkd_plugin.ot.loops import scaling_loops
from sinkd_plugin.ot.loops.loop_distances import stack
from sinkd_plugin.ot.loops.operators import Operator
from sinkd_plugin.ot.loops.types import Array
from sinkd_plugin.ot.sweeps import Gradient, SweepSettings


@dataclass(frozen=True, kw_only=True, eq=False)
class LoopSolution:
    """A problem that is solved when something of it is asked for: the loops are quick, and matrices are not kept.

    Args:
        cost: ``(..., n, m)``, of the type to compute in.
        rows: ``(..., n)``, n times the mass of each row, 0 for a row that does not count; ``None`` for ones.
        columns: ``(..., m)``, n times the mass of each column; ``None`` for ones.
        settings: Regularization, sweeps and penalty.
        absorbed: Divide the kernel by the largest entries of its rows and then of its columns, so that each has a 1.
        converged: No tolerance is looked at.
        engine: What computes.
    """

    cost: torch.Tensor
    rows: torch.Tensor | None
    columns: torch.Tensor | None
    settings: SweepSettings
    absorbed: bool
    converged: torch.Tensor | None = None
    engine: Engine = "numba"

    @property
    def dtype(self) -> torch.dtype:
        """The type it is computed in."""
        return self.cost.dtype

    @property
    def sweeps(self) -> int:
        """Sweeps done."""
        return self.settings.iterations

    def plan(self) -> torch.Tensor:
        """The plan, ``P = diag(u) K diag(v)`` (Eq. 17)."""
        return _PLAN(*self._problem(self.cost, self.settings))

    def value(self, cost: torch.Tensor, settings: SweepSettings) -> torch.Tensor:
        """The value of each problem."""
        value, _ = _VALUES(*self._problem(cost, settings), False)
        return value

    def value_and_gradient(self, cost: torch.Tensor, settings: SweepSettings) -> tuple[torch.Tensor, Gradient]:
        """The value of each problem, and the gradient of exactly these sweeps."""
        value, gradient = _VALUES(*self._problem(cost, settings), True)
        return value, Gradient(cost=gradient)

    def _problem(self, cost: torch.Tensor, settings: SweepSettings) -> tuple[Any, ...]:
        return (
            cost,
            self.rows,
            self.columns,
            settings.regularization,
            settings.iterations,
            settings.pairing_penalty,
            settings.value == "entropic",
            self.absorbed,
        )


_SMALL = 2**13
"""Entries of a matrix that is multiplied on the spot: a matrix routine is faster, but takes longer to be called."""


def solve(
    cost: Array,
    rows: torch.Tensor | None,
    columns: torch.Tensor | None,
    regularization: float,
    iterations: int,
    pairing_penalty: float,
    entropic: bool,
    absorbed: bool,
    differentiate: bool,
) -> tuple[Array, Array]:
    """``(groups,)`` values, and their derivatives by the cost if they are wanted.

    Args:
        cost: ``(groups, n, m)``, of the type to compute in.
        rows: As in ``LoopSolution``.
        columns: As in ``LoopSolution``.
        regularization: λ.
        iterations: T.
        pairing_penalty: γ.
        entropic: Whether the value has the entropy.
        absorbed: As in ``LoopSolution``.
        differentiate: Whether derivatives are wanted.
    """
    swept = _swept(cost, rows, columns, regularization, iterations, pairing_penalty, entropic, absorbed, differentiate)
    if not differentiate:
        return swept.value, cost
    multiplied = cost.size > _SMALL * len(cost)
    if multiplied:
        left, right = torch.from_numpy(swept.left).mT, torch.from_numpy(swept.right[:, :-1])
        gradient: Array = torch.bmm(left, right).numpy()
    else:
        gradient = np.empty_like(cost)
    entropy = regularization if entropic else 0.0
    scaling_loops.combine(swept.kernel, cost, swept.left, swept.right, entropy, regularization, gradient, multiplied)
    return swept.value, gradient


class _Swept(NamedTuple):
    """What the sweeps leave; see ``scaling_loops``."""

    kernel: Array
    left: Array
    right: Array
    value: Array


def _swept(
    cost: Array,
    rows: torch.Tensor | None,
    columns: torch.Tensor | None,
    regularization: float,
    iterations: int,
    pairing_penalty: float,
    entropic: bool,
    absorbed: bool,
    back: bool,
) -> _Swept:
    groups, n, m = cost.shape
    a, b = masses(rows, (groups, n), cost.dtype), masses(columns, (groups, m), cost.dtype)
    left, right = (
        np.empty((groups, 2 * iterations, n), cost.dtype),
        np.empty((groups, 2 * iterations + 1, m), cost.dtype),
    )
    scaling_loops.begin(b, right)
    kernel = _planning_cost(cost, pairing_penalty)
    if absorbed:
        shift = np.empty_like(b)
        scaling_loops.absorb(kernel, a, b, shift)
        # Only columns without mass have negative shifts, and start at zero whatever theirs is.
        right[:, iterations] *= np.exp(np.minimum(shift / -regularization, 0))
    # NumPy has an exponential for many numbers at once; a loop would take them one by one.
    np.divide(kernel, -regularization, out=kernel)
    np.exp(kernel, out=kernel)
    value = np.empty(groups, cost.dtype)
    scaling_loops.solve(kernel, cost, a, b, left, right, regularization if entropic else 0.0, value, back)
    return _Swept(kernel, left, right, value)


def masses(given: torch.Tensor | None, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Masses as the loops take them; ones if there are none.

    Args:
        given: ``(..., n)``.
        shape: ``(groups, n)``.
        dtype: Type to compute in.
    """
    if given is not None:
        return np.ascontiguousarray(given.numpy().reshape(shape), dtype)
    ones = np.empty(shape, dtype)
    ones.fill(1)
    return ones


def _planning_cost(cost: Array, pairing_penalty: float) -> Array:
    """As ``sweeps.planning_cost``, always a copy."""
    planned: Array = cost + cost.dtype.type(pairing_penalty)
    if pairing_penalty:
        diagonal = np.arange(min(cost.shape[1:]))
        planned[:, diagonal, diagonal] = cost[:, diagonal, diagonal]
    return planned


def _plan(
    cost: torch.Tensor,
    rows: torch.Tensor | None,
    columns: torch.Tensor | None,
    regularization: float,
    iterations: int,
    pairing_penalty: float,
    entropic: bool,
    absorbed: bool,
) -> torch.Tensor:
    swept = _swept(
        stack(cost), rows, columns, regularization, iterations, pairing_penalty, entropic, absorbed, back=False
    )
    u, v = swept.left[:, iterations - 1, :, None] / swept.kernel.shape[1], swept.right[:, -1:]
    return torch.from_numpy(swept.kernel * u * v).reshape(cost.shape)


def _values(
    cost: torch.Tensor,
    rows: torch.Tensor | None,
    columns: torch.Tensor | None,
    regularization: float,
    iterations: int,
    pairing_penalty: float,
    entropic: bool,
    absorbed: bool,
    differentiate: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    value, gradient = solve(
        stack(cost), rows, columns, regularization, iterations, pairing_penalty, entropic, absorbed, differentiate
    )
    by_cost = torch.from_numpy(gradient).reshape(cost.shape) if differentiate else cost.new_empty(0)
    return torch.from_numpy(value).reshape(cost.shape[:-2]), by_cost


def _matrices(cost: torch.Tensor, *_: object) -> torch.Tensor:
    return cost.new_empty(cost.shape)


def _values_and_matrices(cost: torch.Tensor, *given: object) -> tuple[torch.Tensor, torch.Tensor]:
    return cost.new_empty(cost.shape[:-2]), cost.new_empty(cost.shape if given[-1] else 0)


_PLAN = Operator(_plan, _matrices)
_VALUES = Operator(_values, _values_and_matrices)
