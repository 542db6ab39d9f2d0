"""What a transport distance returns: the value, and how well it went."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True, eq=False)
class TransportResult:
    """A distance with its plan and diagnostics. Nothing is computed before it is asked for, nothing waits for a device.

    Args:
        value: 0-dim, differentiable with respect to the student's logits.
        plan: ``(..., n, m)``, detached; rows are the student's points whichever side was normalised first. Without
            ``debiased``, ``value`` is the sum of ``plan * cost``.
        cost: ``(..., n, m)``, detached.
        student_marginal: ``(..., n)``, detached; the mass each of the student's points should have.
        teacher_marginal: ``(..., m)``, detached; the same for the teacher.
        iterations: Sweeps done.
    """

    value: torch.Tensor
    plan: torch.Tensor
    cost: torch.Tensor
    student_marginal: torch.Tensor
    teacher_marginal: torch.Tensor
    iterations: int

    @property
    def marginal_residual(self) -> torch.Tensor:
        """Mass that lies at the wrong point, as a share of all mass, 0-dim; 0 for a plan that has converged."""
        if self.plan.numel() == 0:
            return self.plan.new_zeros(())
        student = (self.plan.sum(dim=-1) - self.student_marginal).abs().sum()
        teacher = (self.plan.sum(dim=-2) - self.teacher_marginal).abs().sum()
        return (student + teacher) / (2 * self.teacher_marginal.sum())

    @property
    def cost_mean(self) -> torch.Tensor:
        """Mean of the cost matrix, 0-dim: what a plan that does not look at the cost would pay per unit of mass."""
        return self.cost.mean() if self.cost.numel() else self.cost.new_zeros(())

    @property
    def cost_max(self) -> torch.Tensor:
        """Largest entry of the cost matrix, 0-dim."""
        return self.cost.max() if self.cost.numel() else self.cost.new_zeros(())
