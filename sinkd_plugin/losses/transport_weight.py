"""The weight of the Sinkhorn term in each forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.losses.gradient_share import GradientShare
from sinkd_plugin.ot.options import SinkdOptions


class TransportWeight:
    """β as configured, or held at a share of the KD term's gradient; rising from 0 where it is to warm up.

    Args:
        options: ``weight`` or ``gradient_share``, and ``warmup``.

    Attributes:
        progress: How far the training has come, between 0 and 1; outside of a training it is past its warm-up.
    """

    def __init__(self, options: SinkdOptions) -> None:
        self._fixed = options.weight
        self._share = None if options.gradient_share is None else GradientShare(options.gradient_share)
        self._warmup = options.warmup
        self.progress = 1.0

    def __call__(
        self,
        reference: torch.Tensor,
        term: torch.Tensor,
        logits: torch.Tensor | Sequence[torch.Tensor],
        reference_weight: float,
    ) -> float:
        """The weight for this pass, after learning from it where it follows the gradients.

        Args:
            reference: 0-dim, the KD term.
            term: 0-dim, the Sinkhorn term.
            logits: The student's, from which both were computed; of each head.
            reference_weight: What the KD term is multiplied by. A share is one of the weighted term.
        """
        risen = min(1.0, self.progress / self._warmup) if self._warmup else 1.0
        if self._share is None:
            return risen * (self._fixed or 0.0)
        return risen * reference_weight * self._share(reference, term, logits)

    @property
    def follows_gradients(self) -> bool:
        """Whether it is held at a share, and so has a state."""
        return self._share is not None

    def share_of_gradient(self, weight: float, reference_weight: float) -> float | None:
        """The weighted gradient's length over that of the weighted reference in the last pass; ``None`` if unknown.

        Args:
            weight: What the Sinkhorn term was multiplied by.
            reference_weight: What the KD term was multiplied by.
        """
        measured = None if self._share is None else self._share.measured_ratio
        return None if measured is None or reference_weight == 0 else weight / (reference_weight * measured)

    def state_dict(self) -> dict[str, float]:
        """Plain numbers, to be saved; none for a fixed weight."""
        return {} if self._share is None else self._share.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a state was saved.

        Args:
            state: What ``state_dict`` returned.

        Raises:
            ConfigError: If it is the state of another kind of weight.
        """
        expected = set(self.state_dict())
        if set(state) != expected:
            raise ConfigError(
                "The state of the Sinkhorn term's weight must be one of the same configuration.",
                received=f"{sorted(state) or 'none'} where {sorted(expected) or 'none'} was saved",
                cure="Resume with the 'weight' or 'gradient_share' that the run was started with.",
            )
        if self._share is not None:
            self._share.load_state_dict(state)


def refuse_warmup(options: SinkdOptions) -> None:
    """Raise where nothing says how far the training has come.

    Raises:
        ConfigError: If there is to be a warm-up.
    """
    if options.warmup:
        raise ConfigError(
            "'sinkd.warmup' needs a distiller that tells how far the training has come.",
            received=options.warmup,
            cure="Use sinkd_plugin.SinkhornDistiller, or leave the warm-up out.",
        )
