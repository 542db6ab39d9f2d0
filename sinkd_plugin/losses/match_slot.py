"""Losses in the shape of TextBrewer's slot for intermediate states: ``(state_S, state_T, mask)`` to 0-dim."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sinkd_plugin.losses.hidden_states import hidden_sinkhorn
from sinkd_plugin.losses.options import HiddenOptions


@dataclass(frozen=True)
class HiddenSinkhornInSlot:
    """The batch-wise Sinkhorn distance between pooled hidden states."""

    options: HiddenOptions

    def __call__(self, state_S: torch.Tensor, state_T: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Compute the loss of ``(batch, length, size)`` states."""
        options = self.options
        return hidden_sinkhorn(state_S, state_T, mask, options.regularization, options.iterations, options.pooling)
