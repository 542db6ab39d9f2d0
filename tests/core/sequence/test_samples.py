"""Packed sequences come out as they went in."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkd_plugin.sequence.samples import Samples

SEQUENCE = st.lists(st.integers(0, 60_000), min_size=1, max_size=6)
EXAMPLES = st.integers(1, 3).flatmap(
    lambda count: st.lists(st.lists(SEQUENCE, min_size=count, max_size=count), min_size=1, max_size=5)
)


@settings(max_examples=30, deadline=None)
@given(EXAMPLES)
def test_what_is_packed_is_unpacked(sequences: list[list[list[int]]]) -> None:
    samples = Samples.of(sequences)
    assert len(samples) == len(sequences)
    assert [samples.all_of(example) for example in range(len(sequences))] == sequences


@settings(max_examples=30, deadline=None)
@given(EXAMPLES, st.integers(0, 100))
def test_one_of_an_examples_own_is_chosen(sequences: list[list[list[int]]], seed: int) -> None:
    samples = Samples.of(sequences)
    order = list(reversed(range(len(sequences))))
    found = samples.one_of_each(order, torch.Generator().manual_seed(seed))
    assert found == samples.one_of_each(order, torch.Generator().manual_seed(seed))
    assert all(one in sequences[example] for one, example in zip(found, order, strict=True))


def test_all_of_them_are_chosen_in_time() -> None:
    samples = Samples.of([[[1], [2, 3], [4]]])
    generator = torch.Generator().manual_seed(0)
    assert {tuple(samples.one_of_each([0], generator)[0]) for _ in range(50)} == {(1,), (2, 3), (4,)}
