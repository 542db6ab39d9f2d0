"""A weight for the Sinkhorn term that follows the size of its gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch

from sinkd_plugin.errors import ConfigError


class GradientShare:
    """Keeps the gradient of one term at a stated share of another's, both measured at the logits.

    The two gradients differ by orders of magnitude, with the number of rows and classes, the temperatures and the
    course of training, so that no fixed weight means the same twice. With ``g`` a gradient by the logits::

        weight = share · exp(running mean of log(‖g_reference‖ / ‖g_term‖))

    The mean of the logarithm, so that one batch whose term is nearly flat cannot raise the weight for long. Measuring
    goes back as far as the logits and not through the model.

    Args:
        share: Length of the weighted gradient over that of the reference; 0.1 for a tenth.
        memory: Share of the past in the running mean; 0 for only the present batch.

    Attributes:
        measured_ratio: Length of the reference's gradient over the term's in the last batch that was learnt from.

    Raises:
        ConfigError: If the share is not positive, or the memory is not in [0, 1).

    Numerics:
        A batch in which a gradient is zero or not finite is not learnt from. Before the first that is, the weight is 0.
        The same sequence of batches gives the same weights; ``state_dict`` resumes it.

    Example:
        >>> logits = torch.tensor([[1.0, 0.0]], requires_grad=True)
        >>> weigh = GradientShare(share=0.5)
        >>> round(weigh(logits.sum(), 10 * logits.sum(), logits), 6)
        0.05
    """

    def __init__(self, share: float, memory: float = 0.95) -> None:
        if not 0 < share < math.inf:
            raise ConfigError("'share' must be positive and finite.", received=share)
        if not 0 <= memory < 1:
            raise ConfigError("'memory' must be at least 0 and less than 1.", received=memory)
        self.share = share
        self.memory = memory
        self._weighted_log_ratio = 0.0
        self._total_weight = 0.0
        self.measured_ratio: float | None = None

    def __call__(
        self, reference: torch.Tensor, term: torch.Tensor, logits: torch.Tensor | Sequence[torch.Tensor]
    ) -> float:
        """The weight for this batch, after learning from it.

        Args:
            reference: 0-dim, the term to compare with, such as KL.
            term: 0-dim, the term to weigh.
            logits: The student's, from which both were computed, or those of several heads; both graphs are kept.
        """
        heads = [logits] if isinstance(logits, torch.Tensor) else list(logits)
        if reference.requires_grad and term.requires_grad and all(head.requires_grad for head in heads):
            self._learn(_length(reference, heads), _length(term, heads))
        return self.weight

    @property
    def weight(self) -> float:
        """The weight that was learnt so far; 0 before the first batch."""
        if self._total_weight == 0:
            return 0.0
        return self.share * math.exp(self._weighted_log_ratio / self._total_weight)

    def state_dict(self) -> dict[str, float]:
        """Plain numbers, to be saved: the running sum of the logarithm of the ratio, and of its weights."""
        return {"weighted_log_ratio": self._weighted_log_ratio, "total_weight": self._total_weight}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on where a state was saved.

        Args:
            state: What ``state_dict`` returned.
        """
        self._weighted_log_ratio = float(state["weighted_log_ratio"])
        self._total_weight = float(state["total_weight"])

    def _learn(self, reference: float, term: float) -> None:
        if not (0 < reference < math.inf and 0 < term < math.inf):
            return
        self.measured_ratio = reference / term
        self._weighted_log_ratio = self.memory * self._weighted_log_ratio + math.log(self.measured_ratio)
        self._total_weight = self.memory * self._total_weight + 1


def _length(term: torch.Tensor, logits: Sequence[torch.Tensor]) -> float:
    gradients = torch.autograd.grad(term, logits, retain_graph=True, materialize_grads=True)
    return math.hypot(*(float(torch.linalg.vector_norm(gradient.double())) for gradient in gradients))
