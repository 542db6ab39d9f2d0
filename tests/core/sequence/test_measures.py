"""Risks and diversity by hand."""

import math

import pytest
import torch

from sinkd_plugin.sequence.measures import distinct_share, risk


def test_a_risk_is_the_mean_over_sequences_of_the_mean_over_their_tokens() -> None:
    losses = torch.tensor([[1.0, 3.0, 99.0], [4.0, 99.0, 99.0]])
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    assert risk(losses, mask).item() == pytest.approx((2 + 4) / 2)


def test_a_risk_does_not_see_what_stands_behind_the_ends() -> None:
    losses = torch.tensor([[1.0, math.nan]])
    assert risk(losses, torch.tensor([[1, 0]])).item() == 1


@pytest.mark.parametrize(
    ("samples", "share"),
    [
        ([[[1, 2, 3], [1, 2, 3]]], 2 / 4),
        ([[[1, 2, 3], [4, 5, 6]]], 1),
        ([[[1, 2], [2, 1]], [[1, 2], [1, 2]]], (1 + 1 / 2) / 2),
        ([[[1], [2]], [[1, 2], [1, 3]]], 1),
        ([[[1, 1, 1, 1]]], 1 / 3),
        ([[[1], []]], 0),
        ([], 0),
    ],
)
def test_the_share_of_different_bigrams_by_hand(samples: list[list[list[int]]], share: float) -> None:
    assert distinct_share(samples) == pytest.approx(share)
