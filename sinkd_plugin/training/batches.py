"""Batches of encoded examples of similar length, and what models see of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from datasets import Dataset
from torch import nn
from torch.utils.data import DataLoader
from transformers.trainer_pt_utils import LengthGroupedSampler

from sinkd_plugin.specs import UNSEEN, Reader
from sinkd_plugin.training.teacher_rows import TeacherRows


def training_batches(
    examples: Dataset, reader: Reader, batch_size: int, seed: int
) -> DataLoader[dict[str, torch.Tensor]]:
    """Shuffled batches of similar length; another order each epoch, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    sampler = LengthGroupedSampler(batch_size, lengths=list(examples["length"][:]), generator=generator)
    return DataLoader(examples, batch_size=batch_size, sampler=sampler, collate_fn=reader.collate)


def reading_batches(examples: Dataset, batch_size: int) -> DataLoader[Sequence[Mapping[str, Any]]]:
    """Every example once, longest first, so that little is padded; ``index`` tells which is which."""
    lengths = list(examples["length"][:])
    order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
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


class WithTeacherRows:
    """Batches in TextBrewer's form for a teacher that has already spoken.

    Args:
        batches: Training batches with ``index``.
        teacher_rows: What it said, addressed by ``index``.
    """

    def __init__(self, batches: DataLoader[dict[str, torch.Tensor]], teacher_rows: TeacherRows) -> None:
        self._batches = batches
        self._teacher_rows = teacher_rows

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self._batches:
            yield {
                "teacher": {},
                "student": batch,
                "teacher_cache": {"logits": self._teacher_rows.of(batch["index"])},
            }
