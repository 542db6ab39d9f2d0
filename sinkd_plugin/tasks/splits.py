"""Make three splits out of what there is, and seeded subsets of them; the same for every run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sinkd_plugin.errors import DataError
from sinkd_plugin.tasks.duplicates import Texts, digest

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

HELD_OUT = 10
"""One example in so many is held out of the training split, where a split is missing."""


def three_splits(parts: Mapping[str, Dataset], text: Sequence[str]) -> DatasetDict:
    """``train``, ``validation`` and ``test`` out of a labelled ``train`` and whichever of the others exist.

    Without a test split the validation split becomes it, and a tenth of the training split is held out for
    validation, and for the test where there is neither. What is held out depends on the texts alone, not on the
    run's seed, and copies of a text stay together.

    Args:
        parts: The splits that exist.
        text: Names of the text columns.
    """
    from datasets import DatasetDict

    train, validation, test = parts["train"], parts.get("validation"), parts.get("test")
    if test is None:
        test, validation = validation, None
    if test is None:
        train, test = hold_out(train, text, "test")
    if validation is None:
        train, validation = hold_out(train, text, "validation")
    return DatasetDict({"train": train, "validation": validation, "test": test})


def hold_out(examples: Dataset, text: Sequence[str], what: str) -> tuple[Dataset, Dataset]:
    """Split off a tenth: what is left, and what is held out, each in the order of the file.

    Raises:
        DataError: If there are too few different texts.
    """
    fingerprints = [digest(texts) for texts in texts_of(examples, text)]
    order = sorted(range(len(fingerprints)), key=lambda row: (fingerprints[row], row))
    cut = max(1, len(order) // HELD_OUT)
    while cut < len(order) and fingerprints[order[cut]] == fingerprints[order[cut - 1]]:
        cut += 1
    if cut == len(order):
        raise DataError(
            f"The split 'train' must hold enough different texts to hold a tenth out for the split '{what}'.",
            received=f"{len(order)} rows, {len(set(fingerprints))} different",
            cure=f"Name a file for the split '{what}'.",
        )
    return examples.select(sorted(order[cut:])), examples.select(sorted(order[:cut]))


def texts_of(examples: Dataset, text: Sequence[str]) -> list[Texts]:
    """The texts of each example, one or two."""
    return list(zip(*(examples[column][:] for column in text), strict=True))


def with_index(splits: DatasetDict) -> DatasetDict:
    """Number the examples of each split from 0, in a column that subsets keep."""
    from datasets import DatasetDict

    return DatasetDict({name: split.add_column("index", list(range(len(split)))) for name, split in splits.items()})


def subset(examples: Dataset, limit: int | None, seed: int) -> Dataset:
    """A seeded subset in the order of the split; with one seed, a smaller one is part of every larger one."""
    import numpy as np

    if limit is None or limit >= len(examples):
        return examples
    return examples.select(sorted(np.random.RandomState(seed).permutation(len(examples))[:limit].tolist()))
