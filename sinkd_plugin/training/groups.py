"""Which examples meet in which optimiser step, and how each process goes through its share of them.

The order depends on seed, epoch and size of the steps, and on nothing else: not on the number of processes or workers,
nor on how many examples fit into the memory at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch.utils.data import DataLoader
from transformers.trainer_pt_utils import get_length_grouped_indices

from sinkd_plugin.textbrewer.batches import GroupedBatches, SpareBatch
from sinkd_plugin.training.stopping import ignore_signals

Collate = Callable[[Sequence[Mapping[str, Any]]], dict[str, torch.Tensor]]


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """How examples are put together.

    Args:
        group_size: Examples of an optimiser step, over all processes.
        micro_batch_size: Most examples of one forward pass.
        seed: Of the order.
        bucketing: Whether examples of similar length meet, so that little is padded; else the order is random.
        workers: Processes that collate batches ahead; 0 to collate when a batch is needed.
        rank: This process among those that train.
        processes: How many there are.
    """

    group_size: int
    micro_batch_size: int
    seed: int
    bucketing: bool = True
    workers: int = 0
    rank: int = 0
    processes: int = 1


def epoch_order(lengths: Sequence[int], grouping: Grouping, epoch: int) -> list[int]:
    """The examples of an epoch: each ``group_size`` after one another meet in a step."""
    # torch takes 32 bits of a seed, and the sum of two numbers would give one seed's second epoch to the next seed
    mixed = np.random.SeedSequence((grouping.seed, epoch)).generate_state(1)
    draw = torch.Generator().manual_seed(int(mixed[0]))
    if grouping.bucketing:
        order: list[int] = get_length_grouped_indices(list(lengths), grouping.group_size, generator=draw)
        return order
    return torch.randperm(len(lengths), generator=draw).tolist()


def share(group: Sequence[int], lengths: Sequence[int], grouping: Grouping) -> list[list[int]]:
    """The micro-batches of one process out of a group, longest texts first where lengths count; none if it has none."""
    ordered = sorted(group, key=lengths.__getitem__, reverse=True) if grouping.bucketing else list(group)
    own = ordered[grouping.rank :: grouping.processes]
    size = grouping.micro_batch_size
    return [own[start : start + size] for start in range(0, len(own), size)]


class TrainingGroups(GroupedBatches):
    """The batches of one process, step by step; another order each epoch, the same for the same seed.

    Args:
        examples: The encoded training split, with ``length``.
        collate: Makes a batch of some examples.
        grouping: How they are put together.
    """

    def __init__(self, examples: Dataset, collate: Collate, grouping: Grouping) -> None:
        self._examples = examples
        self._collate = collate
        self._grouping = grouping
        self._lengths: list[int] = list(examples["length"][:])
        self._epoch = 0

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps that go through all examples once; the last may have fewer examples."""
        return -(-len(self._lengths) // self._grouping.group_size)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next pass has."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Batches of an epoch."""
        return sum(max(1, len(group)) for group in self._plan())

    def __iter__(self) -> Iterator[Any]:
        for group in self.groups():
            yield from group

    def groups(self, skip: int = 0) -> Iterator[list[Any]]:
        """Each step's batches.

        Args:
            skip: Steps that have been taken before; their examples are not touched.
        """
        groups = list(self._plan())[skip:]
        # a process without an example of a group takes part in the step with some example, which counts for nothing
        batches = [batch for group in groups for batch in group or [[0]]]
        loader = iter(self._loader(batches))
        for group in groups:
            found = list(islice(loader, max(1, len(group))))
            yield found if group else [SpareBatch(batch=found[0])]

    def _plan(self) -> Iterator[list[list[int]]]:
        order = epoch_order(self._lengths, self._grouping, self._epoch)
        for start in range(0, len(order), self._grouping.group_size):
            yield share(order[start : start + self._grouping.group_size], self._lengths, self._grouping)

    def _loader(self, batches: list[list[int]]) -> DataLoader[dict[str, torch.Tensor]]:
        return DataLoader(
            self._examples,
            batch_sampler=batches,
            collate_fn=self._collate,
            num_workers=self._grouping.workers,
            worker_init_fn=ignore_signals,
            # a loader draws a seed when it starts: from here, and not from the generator of the dropout
            generator=torch.Generator().manual_seed(0),
        )
