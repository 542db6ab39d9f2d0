"""What two models say at each step of some sequences."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.ot.probabilities import full_precision, log_probabilities, loss_dtype

IMPOSSIBLE = -1e30
"""Stands for the logarithm of 0 where infinity would turn a gradient into NaN."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Steps:
    """Both models' distributions of each next token, given the tokens before it.

    Args:
        student: Log-probabilities ``(n, steps, vocabulary)``; the student learns through them.
        teacher: Log-probabilities ``(n, steps, vocabulary)``, without a gradient.
        tokens: ``(n, steps)``: the sequences; what stands behind a sequence's end does not matter.
        mask: ``(n, steps)``: which steps belong to the sequences, the one that ends it among them.
    """

    student: torch.Tensor
    teacher: torch.Tensor
    tokens: torch.Tensor
    mask: torch.Tensor

    @classmethod
    def from_logits(
        cls, student: torch.Tensor, teacher: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
    ) -> Steps:
        """Steps of two models' logits, in float32 or wider whatever the precision of the models.

        Args:
            student: Logits ``(n, steps, vocabulary)``.
            teacher: Logits ``(n, steps, vocabulary)``; never receive a gradient.
            tokens: ``(n, steps)``.
            mask: ``(n, steps)``, 0 or 1.

        Raises:
            LossInputError: If shapes differ.
        """
        _check(student, teacher, tokens, mask)
        dtype = loss_dtype(student, teacher)
        kept = mask.bool()
        with full_precision(student.device):
            return cls(
                student=log_probabilities(student, 1.0, dtype),
                teacher=log_probabilities(teacher.detach(), 1.0, dtype),
                tokens=tokens.masked_fill(~kept, 0),
                mask=kept,
            )

    def chosen(self, log_probabilities: torch.Tensor) -> torch.Tensor:
        """The log-probability of each token of the sequences ``(n, steps)``; 0 behind their ends."""
        found = log_probabilities.gather(-1, self.tokens.unsqueeze(-1)).squeeze(-1)
        return found.clamp(min=IMPOSSIBLE).masked_fill(~self.mask, 0.0)

    def prefix(self, log_probabilities: torch.Tensor) -> torch.Tensor:
        """The log-probability of what stands before each step ``(n, steps)``: 0 at the first one."""
        chosen = self.chosen(log_probabilities)
        return chosen.cumsum(-1) - chosen


def _check(student: torch.Tensor, teacher: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor) -> None:
    fitting = student.dim() == 3 and student.shape == teacher.shape
    if not fitting or tokens.shape != student.shape[:2] or mask.shape != tokens.shape:
        shapes = ", ".join(str(tuple(each.shape)) for each in (student, teacher, tokens, mask))
        raise LossInputError(
            "Logits of both models must be (n, steps, vocabulary), tokens and mask (n, steps).", received=shapes
        )
