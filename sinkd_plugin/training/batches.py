"""Tokenised examples, and batches of similar length padded to their longest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import DataLoader
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase
from transformers.trainer_pt_utils import LengthGroupedSampler

_MODEL_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def tokenize(split: Dataset, text: Sequence[str], tokenizer: PreTrainedTokenizerBase, max_length: int) -> Dataset:
    """Add the model's inputs to a split.

    Args:
        split: Columns ``text`` and ``label``.
        text: Names of the one or two text columns.
        tokenizer: The tokenizer of teacher and student.
        max_length: Longer inputs are cut to this many tokens, or to what the model can take if that is less.

    Returns:
        Columns ``input_ids``, ``attention_mask``, perhaps ``token_type_ids``, ``labels``, and ``index``, the position
        in the split.
    """
    limit = min(max_length, tokenizer.model_max_length)
    encoded = tokenizer(*(list(split[column][:]) for column in text), truncation=True, max_length=limit)
    columns = {name: encoded[name] for name in _MODEL_INPUTS if name in encoded}
    return Dataset.from_dict({**columns, "labels": list(split["label"][:]), "index": list(range(len(split)))})


def training_batches(
    examples: Dataset, tokenizer: PreTrainedTokenizerBase, batch_size: int, seed: int
) -> DataLoader[dict[str, torch.Tensor]]:
    """Shuffled batches of similar length; another order each epoch, the same for the same seed."""
    lengths = [len(ids) for ids in examples["input_ids"][:]]
    generator = torch.Generator().manual_seed(seed)
    sampler = LengthGroupedSampler(batch_size, lengths=lengths, generator=generator)
    return DataLoader(
        examples,
        batch_size=batch_size,
        sampler=sampler,
        collate_fn=DataCollatorWithPadding(tokenizer),
    )


def reading_batches(
    examples: Dataset, tokenizer: PreTrainedTokenizerBase, batch_size: int
) -> DataLoader[dict[str, torch.Tensor]]:
    """Every example once, longest first, so that little is padded; ``index`` tells which is which."""
    lengths = [len(ids) for ids in examples["input_ids"][:]]
    order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    collate = DataCollatorWithPadding(tokenizer)
    return DataLoader(examples.select(order), batch_size=batch_size, collate_fn=collate)


def model_inputs(batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """What the model takes of a batch, without labels."""
    return {name: batch[name] for name in _MODEL_INPUTS if name in batch}


class WithTeacherLogits:
    """Batches in TextBrewer's form for a teacher that has already spoken.

    Args:
        batches: Training batches with ``index`` and ``labels``.
        teacher_logits: ``(examples, classes)``, addressed by ``index``.
    """

    def __init__(self, batches: DataLoader[dict[str, torch.Tensor]], teacher_logits: torch.Tensor) -> None:
        self._batches = batches
        self._teacher_logits = teacher_logits

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self._batches:
            logits = self._teacher_logits[batch["index"]]
            own = without_index(batch)
            # the models do not see the index; an error that stops the training names it
            yield {"teacher": {}, "student": own, "teacher_cache": {"logits": logits}, "index": batch["index"]}


def without_index(batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The batch as the models take it."""
    return {name: value for name, value in batch.items() if name != "index"}
