"""The rows of logits that a teacher has given for each example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

LARGE = 1024
"""Columns from which on logits are kept in half of their size: a vocabulary, and no labels."""


def kept_as(columns: int) -> torch.dtype:
    """float32 for labels, where nothing is gained, and float16 for vocabularies."""
    return torch.float16 if columns >= LARGE else torch.float32


@dataclass(frozen=True, kw_only=True, eq=False)
class TeacherRows:
    """Rows of all examples, one example's after another's.

    Args:
        logits: ``(rows, columns)``.
        starts: ``(examples + 1,)``: where each example's rows begin, and where the last one's end.
    """

    logits: torch.Tensor
    starts: torch.Tensor

    @classmethod
    def empty(cls, counts: Sequence[int], columns: int) -> TeacherRows:
        """Room for ``counts`` rows of each example."""
        starts = torch.zeros(len(counts) + 1, dtype=torch.long)
        starts[1:] = torch.tensor(list(counts), dtype=torch.long).cumsum(0)
        return cls(logits=torch.empty(int(starts[-1]), columns, dtype=kept_as(columns)), starts=starts)

    def of(self, index: torch.Tensor) -> torch.Tensor:
        """The rows of some examples ``(n, columns)``, in the examples' order."""
        return self.logits[self._places(index)]

    def put(self, index: torch.Tensor, rows: torch.Tensor) -> None:
        """Write the rows of some examples, in the examples' order."""
        self.logits[self._places(index)] = rows.to(self.logits)

    def _places(self, index: torch.Tensor) -> torch.Tensor:
        spans = zip(self.starts[index].tolist(), self.starts[index + 1].tolist(), strict=True)
        return torch.cat([torch.arange(start, end) for start, end in spans])
