"""Batches of encoded examples of similar length, and what models see of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from datasets import Dataset
from torch import nn
from torch.utils.data import DataLoader

from sinkd_plugin.specs import UNSEEN
from sinkd_plugin.training.teacher_rows import TeacherRows


def reading_batches(
    examples: Dataset, batch_size: int, rank: int = 0, processes: int = 1
) -> DataLoader[Sequence[Mapping[str, Any]]]:
    """One process's share of the examples, longest first, so that little is padded; ``index`` tells which is which."""
    lengths = list(examples["length"][:])
    order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)[rank::processes]
    return DataLoader(examples.select(order), batch_size=batch_size, collate_fn=list)


@contextmanager
def blinded(*models: nn.Module) -> Iterator[None]:
    """Keep from the models what a batch holds for adaptors and messages."""
    with ExitStack() as stack:
        for model in models:
            handle = model.register_forward_pre_hook(_without_unseen, with_kwargs=True)
            stack.callback(handle.remove)
        yield


def _without_unseen(
    module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return arguments, {name: value for name, value in keywords.items() if name not in UNSEEN}


def with_teacher_rows(batch: Mapping[str, Any], rows: TeacherRows) -> dict[str, Any]:
    """A batch in TextBrewer's form for a teacher that has already spoken.

    Args:
        batch: A training batch with ``index``.
        rows: What the teacher said, addressed by ``index``.
    """
    return {"teacher": {}, "student": dict(batch), "teacher_cache": {"logits": rows.of(batch["index"])}}
