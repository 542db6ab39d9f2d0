"""What a total loss is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True, eq=False)
class Term:
    """One addend of the total loss.

    Args:
        name: Its name in the log, by TextBrewer's habit ``unweighted_…``.
        value: 0-dim.
        weight: What it is multiplied by.
    """

    name: str
    value: torch.Tensor
    weight: float

    @property
    def weighted(self) -> torch.Tensor:
        """Its share of the total, 0-dim."""
        return self.weight * self.value


def weighted_sum(terms: Sequence[Term]) -> torch.Tensor | float:
    """The total loss, 0-dim; the number 0 if there are no terms."""
    return sum((term.weighted for term in terms), start=0.0)
