"""What a transport distance returns: the value, and how well it went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import torch

from sinkd_plugin.ot.engine import Engine


@dataclass(frozen=True, kw_only=True, eq=False)
class TransportResult:
    """A distance with diagnostics. Those that need a matrix are computed when they are asked for, and then kept.

    Args:
        value: 0-dim, or ``(...)`` for groups; differentiable with respect to the student's logits.
        iterations: Sweeps done, or steps of an acceleration.
        converged: Like ``value``, whether each group met the tolerance (and, if ``debiased``, its distances to itself;
            for ``cost="sample"``, each of its rows); ``None`` if none was asked for.
        solver: The form of the sweeps: ``"scaling-float32"``, ``"scaling-float64"``, ``"scaling-float64-absorbed"``,
            ``"log"``, ``"newton"``, ``"line"`` or ``"line-log"``; ``"none"`` if there was nothing to move,
            ``"transformed"`` where a transform of ``torch.func`` hides it.
        engine: What swept: ``"torch"``, or ``"numba"`` for loops compiled for this processor.
        skipped_rows: Rows that were left out for a NaN or +inf on either side, 0-dim; ``None`` if none may be.
        find_plan: Computes ``plan``.
        find_cost: Computes ``cost``.
        find_marginals: Computes ``student_marginal`` and ``teacher_marginal``.
    """

    value: torch.Tensor
    iterations: int
    converged: torch.Tensor | None = None
    solver: str = "none"
    engine: Engine = "torch"
    skipped_rows: torch.Tensor | None = None
    find_plan: Callable[[], torch.Tensor] = field(repr=False)
    find_cost: Callable[[], torch.Tensor] = field(repr=False)
    find_marginals: Callable[[], tuple[torch.Tensor, torch.Tensor]] = field(repr=False)

    @cached_property
    def plan(self) -> torch.Tensor:
        """The plan ``(..., n, m)``, detached; rows are the student's points whichever side was normalised first.

        Without ``debiased`` and with ``value="transport"``, the value is the sum of ``plan * cost``.
        """
        return self.find_plan()

    @cached_property
    def cost(self) -> torch.Tensor:
        """The cost ``(..., n, m)``, detached."""
        return self.find_cost()

    @cached_property
    def _marginals(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.find_marginals()

    @property
    def student_marginal(self) -> torch.Tensor:
        """The mass each of the student's points should have, ``(..., n)``, detached."""
        return self._marginals[0]

    @property
    def teacher_marginal(self) -> torch.Tensor:
        """The mass each of the teacher's points should have, ``(..., m)``, detached."""
        return self._marginals[1]

    @cached_property
    def marginal_residual(self) -> torch.Tensor:
        """Mass that lies at the wrong point, as a share of all mass, like ``value``; 0 once a plan has converged."""
        student, teacher = self.student_marginal, self.teacher_marginal
        if student.numel() == 0:
            return torch.zeros_like(self.value)
        wrong = self._of_groups((self.plan.sum(dim=-1) - student).abs())
        wrong = wrong + self._of_groups((self.plan.sum(dim=-2) - teacher).abs())
        return wrong / (2 * self._of_groups(teacher))

    def _of_groups(self, points: torch.Tensor) -> torch.Tensor:
        """Sums over all points of a group."""
        return points.flatten(start_dim=self.value.dim()).sum(dim=-1)

    @property
    def cost_mean(self) -> torch.Tensor:
        """Mean of the cost matrix, 0-dim: what a plan that does not look at the cost would pay per unit of mass."""
        return self.cost.mean() if self.cost.numel() else self.cost.new_zeros(())

    @property
    def cost_max(self) -> torch.Tensor:
        """Largest entry of the cost matrix, 0-dim."""
        return self.cost.max() if self.cost.numel() else self.cost.new_zeros(())
