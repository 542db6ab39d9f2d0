"""A teacher's largest logits and the mass of the rest: what is exact about them, and what is not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.losses import SinkhornLoss, kl
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.prepare import prepare
from sinkd_plugin.training.teacher_rows import LARGE, RowForm, TeacherRows, kept_as
from sinkd_plugin.training.teacher_top_k import row_form
from sinkd_plugin.training.top_k import largest, restored

Configure = Callable[..., RunConfig]


def logits(seed: int, rows: int = 3, columns: int = 40, scale: float = 5.0) -> torch.Tensor:
    return scale * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def softened(rows: torch.Tensor, temperature: float) -> torch.Tensor:
    return (rows.double() / temperature).softmax(-1)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    k=st.integers(1, 39),
    temperature=st.floats(0.3, 10),
    scale=st.floats(0.1, 30),
)
def test_the_largest_keep_their_probabilities_and_the_others_their_sum(
    seed: int, k: int, temperature: float, scale: float
) -> None:
    whole = logits(seed, scale=scale)
    found = softened(restored(**largest(whole, k, temperature), columns=40), temperature)
    wanted = softened(whole, temperature)
    places = whole.topk(k).indices
    torch.testing.assert_close(found.gather(-1, places), wanted.gather(-1, places), rtol=1e-4, atol=1e-7)
    rest = torch.ones_like(whole).scatter(-1, places, 0.0).bool()
    torch.testing.assert_close(
        found.masked_fill(~rest, 0).sum(-1), wanted.masked_fill(~rest, 0).sum(-1), rtol=1e-4, atol=1e-7
    )
    shared = found[rest].reshape(3, 40 - k)
    assert torch.allclose(shared, shared[:, :1].expand_as(shared)), "the rest is shared evenly"


def test_a_tail_that_is_flat_is_exact_at_every_temperature_and_for_every_loss() -> None:
    teacher = torch.full((4, 50), -1.0)
    teacher[torch.arange(4), torch.arange(4)] = 3.0
    student = logits(1, rows=4, columns=50, scale=1)
    found = restored(**largest(teacher, 1, 2.0), columns=50)
    for temperature in (1.0, 2.0, 5.0):
        torch.testing.assert_close(kl(student, found, temperature), kl(student, teacher, temperature))
    torch.testing.assert_close(SinkhornLoss()(student, found), SinkhornLoss()(student, teacher))


def test_more_entries_bring_the_losses_nearer_to_those_of_whole_rows() -> None:
    teacher, student = logits(2, rows=8, columns=300, scale=3), logits(3, rows=8, columns=300, scale=3)
    distances = []
    for k in (4, 32, 256):
        found = restored(**largest(teacher, k, 2.0), columns=300)
        distances.append(
            [
                float((kl(student, found, 2.0) - kl(student, teacher, 2.0)).abs()),
                float((SinkhornLoss()(student, found) - SinkhornLoss()(student, teacher)).abs()),
            ]
        )
    for coarse, fine in itertools.pairwise(distances):
        assert fine[0] < coarse[0]
        assert fine[1] < coarse[1]


def test_classes_that_are_ruled_out_stay_so() -> None:
    teacher = torch.full((1, 10), -torch.inf)
    teacher[0, :3] = torch.tensor([1.0, 2.0, 3.0])
    assert torch.equal(restored(**largest(teacher, 3, 2.0), columns=10), teacher)
    assert torch.equal(restored(**largest(teacher, 5, 2.0), columns=10), teacher)


@pytest.mark.parametrize("k", [40, 41])
def test_as_many_as_there_are_is_the_whole_row(k: int) -> None:
    whole = logits(0)
    form = RowForm(top_k=k, temperature=2.0)
    assert torch.equal(form.kept(whole)["logits"], whole)
    assert form.row_bytes(40) == RowForm().row_bytes(40)


def test_rows_come_back_by_example() -> None:
    counts, form = [2, 0, 3, 1], RowForm(top_k=7, temperature=2.0)
    whole = logits(4, rows=6)
    rows = TeacherRows.empty(counts, form.kept(whole), 40)
    rows.put(torch.tensor([3, 0]), form.kept(whole[[5, 0, 1]]))
    rows.put(torch.tensor([2]), form.kept(whole[2:5]))
    again = TeacherRows.from_tensors(rows.as_tensors())
    wanted = restored(**largest(whole, 7, 2.0), columns=40)
    assert torch.equal(again.of(torch.tensor([2, 3])), wanted[[2, 3, 4, 5]])
    assert torch.equal(again.of(torch.tensor([0, 1])), wanted[:2])


def test_bytes() -> None:
    assert RowForm().row_bytes(2) == 8
    assert RowForm().row_bytes(32128) == 2 * 32128
    assert RowForm(top_k=64, temperature=2.0).row_bytes(32128) == 64 * 8 + 4
    assert kept_as(LARGE).itemsize == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"distillation.temperature": 4},
            r"at one temperature.*distillation\.temperature 4, distillation\.sinkd\.temperature 2.*Give them the same",
        ),
        ({"distillation.temperature_scheduler": ["flsw", 1, 2]}, r"at one temperature.*temperature_scheduler"),
        ({"distillation.kd_loss_type": "mse"}, r"keeps probabilities.*kd_loss_type: mse.*such as kl"),
        ({"training.teacher_cache": "off"}, r"logits that are kept.*teacher_cache: off"),
        (
            {
                "distillation.intermediate_matches": [
                    {"layer_T": 2, "layer_S": 1, "weight": 1, "feature": "hidden", "loss": "hidden_mse"}
                ]
            },
            r"logits that are kept.*distillation\.intermediate_matches",
        ),
        ({"baselines": {"warm": {"distillation.temperature": 3}}}, r"baselines\.warm\.distillation\.temperature 3"),
    ],
)
def test_what_could_not_be_exact_is_refused(configure: Configure, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        prepare(configure({"training.teacher_top_k": 1, **changes}))


@pytest.mark.parametrize(
    ("changes", "temperature"),
    [
        ({}, 2.0),
        ({"distillation.temperature": 3, "distillation.sinkd": None}, 3.0),
        ({"distillation.temperature": 3, "distillation.kd_loss_weight": 0}, 2.0),
        ({"distillation.kd_loss_type": ["sinkhorn", {"temperature": 5}], "distillation.sinkd": None}, 5.0),
    ],
)
def test_the_mass_is_exact_where_the_losses_look(
    configure: Configure, changes: dict[str, Any], temperature: float
) -> None:
    assert row_form(configure({"training.teacher_top_k": 1, **changes})) == RowForm(top_k=1, temperature=temperature)
