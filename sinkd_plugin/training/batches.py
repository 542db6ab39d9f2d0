"""Batches of encoded examples of similar length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Dataset
from torch.utils.data import DataLoader

from sinkd_plugin.training.teacher_rows import TeacherRows


def reading_batches(
    examples: Dataset, batch_size: int, rank: int = 0, processes: int = 1
) -> DataLoader[Sequence[Mapping[str, Any]]]:
    """One process's share of the examples, longest first, so that little is padded; ``index`` tells which is which."""
    lengths = list(examples["length"][:])
    order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)[rank::processes]
    return DataLoader(examples.select(order), batch_size=batch_size, collate_fn=list)


def with_teacher_rows(batch: Mapping[str, Any], rows: TeacherRows) -> dict[str, Any]:
    """A batch in TextBrewer's form for a teacher that has already spoken.

    Args:
        batch: A training batch with ``index``.
        rows: What the teacher said, addressed by ``index``.
    """
    return {"teacher": {}, "student": dict(batch), "teacher_cache": {"logits": rows.of(batch["index"])}}
