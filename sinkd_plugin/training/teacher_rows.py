"""The rows of logits that a teacher has given for each example, whole or their largest entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from sinkd_plugin.training.top_k import largest, restored

LARGE = 1024
"""Columns from which on logits are kept in half of their size: a vocabulary, and no labels."""


def kept_as(columns: int) -> torch.dtype:
    """float32 for labels, where nothing is gained, and float16 for vocabularies."""
    return torch.float16 if columns >= LARGE else torch.float32


@dataclass(frozen=True, kw_only=True)
class RowForm:
    """What of a row is kept.

    Args:
        top_k: How many of its largest entries, with the exact mass of the others; ``None`` for the whole row.
        temperature: At which that mass is exact.
    """

    top_k: int | None = None
    temperature: float = 1.0

    def kept(self, logits: torch.Tensor) -> dict[str, torch.Tensor]:
        """What is kept of rows ``(rows, columns)``: tensors whose first dimension is the rows'."""
        columns = logits.shape[-1]
        if self.top_k is None or self.top_k >= columns:
            return {"logits": logits.to(kept_as(columns))}
        return largest(logits, self.top_k, self.temperature)

    def row_bytes(self, columns: int) -> int:
        """Bytes that a row of so many columns takes."""
        tensors = self.kept(torch.zeros(1, columns)).values()
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


WHOLE_ROWS = RowForm()


@dataclass(frozen=True, kw_only=True, eq=False)
class TeacherRows:
    """Rows of all examples, one example's after another's.

    Args:
        kept: What ``RowForm.kept`` gives, of all rows.
        starts: ``(examples + 1,)``: where each example's rows begin, and where the last one's end.
        columns: Of a whole row.
    """

    kept: Mapping[str, torch.Tensor]
    starts: torch.Tensor
    columns: int

    @classmethod
    def empty(cls, counts: Sequence[int], like: Mapping[str, torch.Tensor], columns: int) -> TeacherRows:
        """Room for ``counts`` rows of each example, kept as those in ``like``."""
        starts = torch.zeros(len(counts) + 1, dtype=torch.long)
        starts[1:] = torch.tensor(list(counts), dtype=torch.long).cumsum(0)
        rows = int(starts[-1])
        kept = {name: tensor.new_empty((rows, *tensor.shape[1:])) for name, tensor in like.items()}
        return cls(kept=kept, starts=starts, columns=columns)

    def as_tensors(self) -> dict[str, torch.Tensor]:
        """The same as named tensors, for a file."""
        return {**self.kept, "starts": self.starts, "columns": torch.tensor(self.columns)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, torch.Tensor]) -> TeacherRows:
        """What ``as_tensors`` returned, as rows."""
        kept = {name: tensor for name, tensor in tensors.items() if name not in ("starts", "columns")}
        return cls(kept=kept, starts=tensors["starts"], columns=int(tensors["columns"]))

    def of(self, index: torch.Tensor) -> torch.Tensor:
        """The rows of some examples ``(n, columns)``, in the examples' order."""
        places = self._places(index)
        found = {name: tensor[places] for name, tensor in self.kept.items()}
        return found["logits"] if "logits" in found else restored(**found, columns=self.columns)

    def put(self, index: torch.Tensor, rows: Mapping[str, torch.Tensor]) -> None:
        """Write what is kept of the rows of some examples, in the examples' order."""
        places = self._places(index)
        for name, tensor in self.kept.items():
            tensor[places] = rows[name]

    def _places(self, index: torch.Tensor) -> torch.Tensor:
        spans = zip(self.starts[index].tolist(), self.starts[index + 1].tolist(), strict=True)
        return torch.cat([torch.arange(start, end) for start, end in spans])
