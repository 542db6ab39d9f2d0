"""Two terms in the one slot that TextBrewer's own distillers have."""

from __future__ import annotations

import torch

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.losses.kd_slot import as_rows
from sinkd_plugin.losses.sinkhorn import SinkhornLoss
from sinkd_plugin.losses.transport_weight import TransportWeight, refuse_warmup
from sinkd_plugin.ot.options import SinkdOptions, TransportOptions
from sinkd_plugin.specs import KdLoss


class CombinedLoss:
    """``KD + (weight / kd_loss_weight) * SD``: TextBrewer's factor leaves ``kd_loss_weight * KD + weight * SD``.

    A weight scheduler of TextBrewer scales both terms along.

    Args:
        base: The KD term.
        transport: Options of the transport term, with its weight.
        kd_loss_weight: The factor that TextBrewer will apply.

    Attributes:
        weight: The transport term's, before TextBrewer's factor; where it follows the gradients, it has a state.
    """

    def __init__(self, base: KdLoss, transport: SinkdOptions, kd_loss_weight: float) -> None:
        self._base = base
        self._options = transport
        self._transport = transport_loss(transport)
        self.weight = TransportWeight(transport)
        self._kd_loss_weight = kd_loss_weight

    def __call__(
        self, student_logits: torch.Tensor, teacher_logits: torch.Tensor, temperature: float | torch.Tensor
    ) -> torch.Tensor:
        """Compute both terms for logits ``(..., classes)``; a 0-dim tensor.

        Raises:
            ConfigError: If ``kd_loss_weight`` is 0, where TextBrewer would silence the transport term as well, or if
                the weight is to warm up.
        """
        refuse_warmup(self._options)
        if self._kd_loss_weight == 0:
            raise ConfigError(
                "'distillation.kd_loss_weight' must be above 0 for 'sinkd' in TextBrewer's own distillers.",
                received=0,
                cure="Use sinkd_plugin.SinkhornDistiller, which keeps the two terms apart.",
            )
        kd = self._base(student_logits, teacher_logits, temperature)
        distance: torch.Tensor = self._transport(as_rows(student_logits), as_rows(teacher_logits))
        weight = self.weight(kd, distance, student_logits, self._kd_loss_weight)
        return kd + weight / self._kd_loss_weight * distance


def transport_loss(options: SinkdOptions) -> SinkhornLoss:
    """The transport term without its weight."""
    return SinkhornLoss(**options.model_dump(include=set(TransportOptions.model_fields)))
