"""What every form of the sweeps is told, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import torch

from sinkd_plugin.ot.engine import Engine

PlanGradient = Literal["unrolled", "detached", "implicit"]
Value = Literal["transport", "entropic"]


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """How often to sweep, and what to make of the plan.

    Args:
        regularization: λ, in units of the cost.
        iterations: T, or the most sweeps there may be if a tolerance is given.
        tolerance: Share of the mass that may lie at the wrong point; ``None`` sweeps T times without looking.
        value: ``<P, D>``, or ``<P, D> - λ h(P)`` with the entropy ``h(P) = -Σ P log P``.
        plan_gradient: How the plan's dependence on the cost is differentiated.
        pairing_penalty: γ, added to the cost off the diagonal when the plan is found.
    """

    regularization: float
    iterations: int
    tolerance: float | None = None
    value: Value = "transport"
    plan_gradient: PlanGradient = "unrolled"
    pairing_penalty: float = 0.0


class Solution(Protocol):
    """A plan in the form it was found in, detached, with what its gradient needs."""

    @property
    def dtype(self) -> torch.dtype:
        """The type it was computed in."""
        ...

    @property
    def engine(self) -> Engine:
        """What it was computed by."""
        ...

    @property
    def sweeps(self) -> int:
        """Sweeps done."""
        ...

    @property
    def converged(self) -> torch.Tensor | None:
        """Whether each problem met the tolerance, ``(...)``; ``None`` if none was asked for."""
        ...

    def plan(self) -> torch.Tensor:
        """The plan ``(..., n, m)``."""
        ...

    def value(self, cost: torch.Tensor, settings: SweepSettings) -> torch.Tensor:
        """The value of each problem, ``(...)``."""
        ...

    def value_and_gradient(self, cost: torch.Tensor, settings: SweepSettings) -> tuple[torch.Tensor, Gradient]:
        """The value of each problem, and its derivatives: the sweeps in reverse."""
        ...


@dataclass(frozen=True, kw_only=True)
class Gradient:
    """Derivatives of the value of each problem of a stack.

    Args:
        cost: ``(..., n, m)``.
        log_rows: ``(..., n)``, by the logarithms of the row marginal, where the form of the sweeps gives it.
        log_columns: ``(..., m)``.
    """

    cost: torch.Tensor
    log_rows: torch.Tensor | None = None
    log_columns: torch.Tensor | None = None


_BLOCK_ELEMENTS = 2**17
"""Entries of a block of rows: small enough to stay in a cache between the passes over it."""


def row_blocks(matrix: torch.Tensor) -> list[slice]:
    """Cut the rows of ``(..., n, m)`` so that temporaries stay far smaller than the matrix."""
    rows = matrix.shape[-2]
    step = max(1, _BLOCK_ELEMENTS * rows // max(matrix.numel(), 1))
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


def sum_of(parts: list[torch.Tensor]) -> torch.Tensor:
    """The sum of a few tensors of one shape."""
    return parts[0] if len(parts) == 1 else torch.stack(parts).sum(dim=0)


def weighted_plan(plan: torch.Tensor, cost: torch.Tensor, settings: SweepSettings) -> torch.Tensor:
    """P times the derivative of the value by P, entry by entry; its sum is the value.

    The entropy's derivative has a constant besides: the plan's mass is given, so it moves nothing.
    """
    if settings.value == "transport":
        return plan * cost
    return plan * cost + settings.regularization * torch.xlogy(plan, plan)


def planning_cost(cost: torch.Tensor, settings: SweepSettings) -> torch.Tensor:
    """The cost that the plan is found for: dearer off the diagonal by γ, which protects the pairing."""
    if not settings.pairing_penalty:
        return cost
    dearer = cost + settings.pairing_penalty
    dearer.diagonal(dim1=-2, dim2=-1).sub_(settings.pairing_penalty)
    return dearer
