"""Batches as the models take them, and which examples they hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

_INDEX_KEYS = ("index", "idx", "indices", "position", "example_id", "id")

_MOST_LISTED = 16


def plain(batch: Any) -> Any:
    """The batch with every mapping as a ``dict``: TextBrewer asks for that very type, Transformers has one of its own.

    Tuples and lists stay what they are: both models are called with their items.
    """
    if not isinstance(batch, Mapping):
        return batch
    return {key: plain(value) if isinstance(value, Mapping) else value for key, value in batch.items()}


@dataclass(frozen=True, kw_only=True)
class SpareBatch:
    """A batch for a process that has no example of a group, so that it takes part in the step; it counts for nothing.

    Args:
        batch: Any batch.
    """

    batch: Any


def unwrapped(batch: Any) -> Any:
    """The batch itself, whether or not it is a spare one."""
    return batch.batch if isinstance(batch, SpareBatch) else batch


class GroupedBatches(ABC):
    """A loader that knows which of its batches make up an optimiser step; iterated over, it gives the batches alone."""

    @property
    @abstractmethod
    def steps_per_epoch(self) -> int:
        """Optimiser steps of one pass."""

    @abstractmethod
    def groups(self, skip: int = 0) -> Iterator[list[Any]]:
        """The batches of each step, but for those of the first ``skip`` steps."""

    @abstractmethod
    def __iter__(self) -> Iterator[Any]:
        """Every batch."""

    @abstractmethod
    def __len__(self) -> int:
        """How many batches there are."""


def groups(batches: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Micro-batches in groups of ``size``, one group an optimiser step; the last group may be smaller."""
    iterator = iter(batches)
    while group := list(islice(iterator, size)):
        yield group


def described(batch: Any, rows: Sequence[int]) -> str:
    """Which examples of a batch are meant, in words.

    Args:
        batch: As it came from the loader; for ``MultiTaskDistiller``, the batch and its task; or a list of batches.
        rows: Row numbers within the batch; all rows if there are none.
    """
    indices = _indices(batch)
    if indices is None:
        return f"rows {_listed(rows)} of the batch" if rows else "any row of the batch"
    return f"examples {_listed([indices[row] for row in rows if row < len(indices)] or indices)}"


def _indices(batch: Any) -> list[Any] | None:
    """The positions in the data set that the batch itself names."""
    if isinstance(batch, tuple) and batch:  # with its task, or with what its teacher said
        return _indices(batch[0])
    if isinstance(batch, list):  # the micro-batches of a group
        parts = [found for each in batch if (found := _indices(each)) is not None]
        return [number for part in parts for number in part] if len(parts) == len(batch) else None
    if not isinstance(batch, Mapping):
        return None
    for key in _INDEX_KEYS:
        if key in batch:
            value = batch[key]
            return list(value.reshape(-1).tolist() if isinstance(value, torch.Tensor) else value)
    return next((found for value in batch.values() if (found := _indices(value)) is not None), None)


def _listed(numbers: Sequence[Any]) -> str:
    shown = ", ".join(map(str, numbers[:_MOST_LISTED]))
    return f"{shown}, … ({len(numbers)} in all)" if len(numbers) > _MOST_LISTED else shown


def tensors(batch: Any, name: str = "batch") -> dict[str, torch.Tensor]:
    """Every tensor of a nested batch under a dotted name."""
    if isinstance(batch, torch.Tensor):
        return {name: batch}
    if isinstance(batch, Mapping):
        items: Iterable[tuple[Any, Any]] = batch.items()
    elif isinstance(batch, (list, tuple)):
        items = enumerate(batch)
    else:
        return {}
    return {key: tensor for part, value in items for key, tensor in tensors(value, f"{name}.{part}").items()}
