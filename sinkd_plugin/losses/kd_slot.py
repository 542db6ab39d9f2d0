"""Losses in the shape of TextBrewer's ``kd_loss`` slot: ``(student_logits, teacher_logits, temperature)`` to 0-dim.

Plain picklable records, so that a distillation can be sent to another process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import torch

from sinkd_plugin.losses.divergence import Reduction
from sinkd_plugin.losses.kullback_leibler import kl
from sinkd_plugin.losses.options import DivergenceOptions
from sinkd_plugin.losses.transport_weight import TransportWeight, refuse_warmup
from sinkd_plugin.ot.options import SinkdOptions, TransportOptions
from sinkd_plugin.ot.transport import sinkhorn_distance


class Divergence(Protocol):
    """A row-wise divergence between predictions, such as ``kl``."""

    def __call__(
        self,
        student_logits: torch.Tensor,
        teacher_logits: torch.Tensor,
        temperature: float | torch.Tensor = ...,
        reduction: Reduction = ...,
        scale_by_temperature_squared: bool = ...,
    ) -> torch.Tensor:
        """Compute the divergence."""
        ...


@dataclass(frozen=True)
class DivergenceInSlot:
    """A row-wise divergence at the temperature of the distillation, mean over rows."""

    divergence: Divergence
    options: DivergenceOptions

    def __call__(
        self, student_logits: torch.Tensor, teacher_logits: torch.Tensor, temperature: float | torch.Tensor = 1.0
    ) -> torch.Tensor:
        """Compute the loss of ``(..., classes)`` logits."""
        squared = self.options.scale_by_temperature_squared
        return self.divergence(student_logits, teacher_logits, temperature, scale_by_temperature_squared=squared)


@dataclass(frozen=True)
class SumInSlot:
    """Several divergences, each times its weight, at the temperature of the distillation.

    Args:
        terms: Divergences with their weights.
        options: What holds for all of them.
    """

    terms: tuple[tuple[Divergence, float], ...]
    options: DivergenceOptions

    def __call__(
        self, student_logits: torch.Tensor, teacher_logits: torch.Tensor, temperature: float | torch.Tensor = 1.0
    ) -> torch.Tensor:
        """Compute the loss of ``(..., classes)`` logits."""
        values = [
            weight * DivergenceInSlot(divergence, self.options)(student_logits, teacher_logits, temperature)
            for divergence, weight in self.terms
        ]
        return torch.stack(values).sum()


@dataclass(frozen=True)
class SinkhornInSlot:
    """The Sinkhorn distance between all rows, at its own temperature τ_SD; the distillation's is not looked at."""

    options: TransportOptions

    def __call__(
        self, student_logits: torch.Tensor, teacher_logits: torch.Tensor, temperature: float | torch.Tensor = 1.0
    ) -> torch.Tensor:
        """Compute the loss of ``(..., classes)`` logits."""
        return sinkhorn_distance(as_rows(student_logits), as_rows(teacher_logits), self.options).value


@dataclass(frozen=True)
class SinkdInSlot:
    """KL at the temperature of the distillation, plus the weighted Sinkhorn distance at its own (Eq. 19 without CE).

    Raises:
        ConfigError: If the weight is to warm up, since nothing tells a loss how far the training has come.
    """

    options: SinkdOptions
    weight: TransportWeight = field(init=False, compare=False)

    def __post_init__(self) -> None:
        refuse_warmup(self.options)
        object.__setattr__(self, "weight", TransportWeight(self.options))

    def __call__(
        self, student_logits: torch.Tensor, teacher_logits: torch.Tensor, temperature: float | torch.Tensor = 1.0
    ) -> torch.Tensor:
        """Compute the loss of ``(..., classes)`` logits."""
        divergence = kl(student_logits, teacher_logits, temperature)
        sinkhorn = SinkhornInSlot(self.options)(student_logits, teacher_logits)
        return divergence + self.weight(divergence, sinkhorn, student_logits, 1.0) * sinkhorn


def as_rows(logits: torch.Tensor) -> torch.Tensor:
    """Logits ``(..., classes)`` as one group of rows ``(n, classes)``: a softmax never runs over positions."""
    return logits.flatten(end_dim=-2) if logits.dim() > 1 else logits.unsqueeze(0)
