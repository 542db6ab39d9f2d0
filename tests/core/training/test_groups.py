"""Which examples meet in a step depends on seed, epoch and the size of a step, and on nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from datasets import Dataset

from sinkd_plugin.textbrewer.batches import SpareBatch
from sinkd_plugin.training.groups import Grouping, TrainingGroups, epoch_order

LENGTHS = [1 + (7 * number) % 23 for number in range(45)]
WHOLE = Grouping(group_size=16, micro_batch_size=16, seed=3)


def collate(examples: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
    return {name: torch.tensor([example[name] for example in examples]) for name in ("index", "length")}


def groups_of(grouping: Grouping, lengths: Sequence[int] = LENGTHS) -> TrainingGroups:
    examples = Dataset.from_dict({"index": list(range(len(lengths))), "length": list(lengths)})
    return TrainingGroups(examples, collate, grouping)


def steps(groups: TrainingGroups, epoch: int = 0, skip: int = 0) -> list[list[list[int]]]:
    """The examples of each micro-batch of each step."""
    groups.set_epoch(epoch)
    return [
        [[] if isinstance(batch, SpareBatch) else batch["index"].tolist() for batch in group]
        for group in groups.groups(skip)
    ]


def members(found: list[list[list[int]]]) -> list[set[int]]:
    return [{number for batch in group for number in batch} for group in found]


@pytest.mark.parametrize("bucketing", [True, False])
@pytest.mark.parametrize("epoch", [0, 1])
def test_an_epoch_has_each_example_once(bucketing: bool, epoch: int) -> None:
    found = steps(groups_of(replace(WHOLE, bucketing=bucketing)), epoch)
    assert sorted(number for group in found for batch in group for number in batch) == list(range(45))
    assert [sum(map(len, group)) for group in found] == [16, 16, 13]


@pytest.mark.parametrize("bucketing", [True, False])
@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("size", [16, 5, 1])
def test_neither_memory_nor_processes_decide_who_meets(bucketing: bool, processes: int, size: int) -> None:
    wanted = members(steps(groups_of(replace(WHOLE, bucketing=bucketing))))
    parts = [
        steps(groups_of(replace(WHOLE, bucketing=bucketing, micro_batch_size=size, rank=rank, processes=processes)))
        for rank in range(processes)
    ]
    assert [set.union(*each) for each in zip(*map(members, parts), strict=True)] == wanted
    assert sum(len(batch) for part in parts for group in part for batch in group) == 45, "nobody is seen twice"
    assert max(len(batch) for part in parts for group in part for batch in group) <= size
    shares = [sorted(sum(map(len, group)) for group in each) for each in zip(*parts, strict=True)]
    assert all(share[-1] - share[0] <= 1 for share in shares), "processes have the same amount of work"


def test_seed_and_epoch_decide() -> None:
    orders = {
        (seed, epoch): tuple(epoch_order(LENGTHS, replace(WHOLE, seed=seed), epoch))
        for seed in (0, 1, 2, 2**32 - 1)
        for epoch in (0, 1, 2)
    }
    assert len(set(orders.values())) == len(orders)
    assert orders[1, 2] == tuple(epoch_order(LENGTHS, replace(WHOLE, seed=1), 2))


def test_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(0)
    wanted = torch.rand(1)
    torch.manual_seed(0)
    steps(groups_of(WHOLE))
    assert torch.equal(torch.rand(1), wanted)


def test_workers_change_nothing() -> None:
    alone, helped = (groups_of(replace(WHOLE, micro_batch_size=4, workers=workers)) for workers in (0, 2))
    for epoch in (0, 1):
        assert steps(helped, epoch) == steps(alone, epoch)


def test_the_rest_of_an_epoch_is_that_of_the_whole() -> None:
    groups = groups_of(replace(WHOLE, micro_batch_size=4))
    whole = steps(groups, epoch=1)
    for skip in range(4):
        assert steps(groups, epoch=1, skip=skip) == whole[skip:]


def test_bucketing_spares_padding() -> None:
    def padded(bucketing: bool) -> int:
        grouping = Grouping(group_size=16, micro_batch_size=4, seed=0, bucketing=bucketing)
        batches = [batch["length"] for batch in groups_of(grouping, LENGTHS * 20)]
        return sum(int(batch.max()) * len(batch) for batch in batches)

    assert padded(bucketing=True) < 0.75 * padded(bucketing=False)


def test_a_process_without_an_example_takes_part_with_one_that_does_not_count() -> None:
    lengths = LENGTHS[:17]  # one example is left for the second step
    groups = groups_of(replace(WHOLE, rank=1, processes=2), lengths)
    found = list(groups.groups())
    assert len(found) == groups.steps_per_epoch == 2
    (spare,) = found[1]
    assert isinstance(spare, SpareBatch)
    assert len(spare.batch["index"]) == 1
    assert len(groups) == 2


def test_iterated_over_it_is_a_loader_of_batches() -> None:
    groups = groups_of(replace(WHOLE, micro_batch_size=4))
    assert len(list(groups)) == len(groups) == 4 + 4 + 4
