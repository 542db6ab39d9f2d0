"""Batches hold every text once, none of them padded beyond the stretch."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sinkd_export.batches import by_length

LENGTHS = st.lists(st.integers(1, 512), max_size=80)


@given(LENGTHS, st.integers(1, 40), st.floats(1, 8))
def test_every_position_comes_once_within_both_limits(lengths: list[int], batch_size: int, stretch: float) -> None:
    batches = list(by_length(lengths, batch_size=batch_size, stretch=stretch))
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        found = [lengths[position] for position in batch]
        assert 1 <= len(batch) <= batch_size
        assert max(found) <= stretch * min(found)


@given(LENGTHS, st.integers(1, 40))
def test_without_a_stretch_batches_are_full(lengths: list[int], batch_size: int) -> None:
    batches = list(by_length(lengths, batch_size=batch_size, stretch=float("inf")))
    assert len(batches) == -(-len(lengths) // batch_size)
