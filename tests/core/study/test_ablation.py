"""An ablation's points, and what each is compared with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.options import validate
from sinkd_plugin.study.ablation import ablation_points, value_name
from sinkd_plugin.study.config import AblationOptions, StudyConfig
from sinkd_plugin.study.figures import ablation_figure
from sinkd_plugin.study.page import page
from sinkd_plugin.study.rows import Row

MakeRow = Callable[..., Row]
MakeStudy = Callable[..., StudyConfig]
KEY = "optimizer.batch_size"


def varied(methods: list[str]) -> dict[str, Any]:
    return {"batch": {"methods": methods, "key": KEY, "values": [16, 32]}}


def rows_of(make_row: MakeRow, method: str, scores: dict[int | None, list[float]]) -> list[Row]:
    """Rows of the ablation ``batch``: scores over seeds by value, ``None`` where nothing is varied."""
    return [
        make_row(
            method=method,
            ablation="batch",
            split="validation",
            seed=seed,
            score=score,
            setting=json.dumps({} if value is None else {KEY: value}),
        )
        for value, by_seed in scores.items()
        for seed, score in enumerate(by_seed)
    ]


def test_a_reference_that_is_not_varied_is_compared_with_as_it_is(make_study: MakeStudy, make_row: MakeRow) -> None:
    study = make_study(ablations=varied(["sinkd"]))
    rows = rows_of(make_row, "kl", {None: [0.5, 0.6]}) + rows_of(make_row, "sinkd", {16: [0.6, 0.7], 32: [0.4, 0.5]})
    reference, first, second = ablation_points(study, rows, "batch")
    assert (reference.method, reference.value, reference.difference) == ("kl", None, None)
    assert first.difference is not None
    assert second.difference is not None
    assert (first.value, second.value) == (16, 32)
    assert first.difference.mean == pytest.approx(0.1)
    assert second.difference.mean == pytest.approx(-0.1)


def test_a_reference_that_is_varied_too_is_compared_with_at_the_same_value(
    make_study: MakeStudy, make_row: MakeRow
) -> None:
    study = make_study(ablations=varied(["kl", "sinkd"]))
    rows = rows_of(make_row, "kl", {16: [0.5, 0.5], 32: [0.7, 0.7]})
    rows += rows_of(make_row, "sinkd", {16: [0.6, 0.6], 32: [0.6, 0.6]})
    points = {(point.method, point.value): point for point in ablation_points(study, rows, "batch")}
    better, worse = points["sinkd", 16].difference, points["sinkd", 32].difference
    assert better is not None
    assert worse is not None
    assert better.mean == pytest.approx(0.1)
    assert worse.mean == pytest.approx(-0.1)


def test_what_was_not_run_is_no_point(make_study: MakeStudy, make_row: MakeRow) -> None:
    study = make_study(ablations=varied(["sinkd"]))
    assert ablation_points(study, [], "batch") == []
    (point,) = ablation_points(study, rows_of(make_row, "sinkd", {16: [0.6]}), "batch")
    assert (point.value, point.difference) == (16, None)


def test_the_figure_draws_every_line(make_study: MakeStudy, make_row: MakeRow) -> None:
    study = make_study(ablations=varied(["sinkd"]))
    rows = rows_of(make_row, "kl", {None: [0.5, 0.6]}) + rows_of(make_row, "sinkd", {16: [0.6, 0.7], 32: [0.4, 0.5]})
    figure = ablation_figure(study, ablation_points(study, rows, "batch"), "batch")
    assert figure is not None
    (axes,) = figure.axes
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["KL", "KL + SinKD"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["16", "32"]


def test_layers_are_named_by_their_number() -> None:
    assert [value_name(value) for value in ([0, 2, 4], 0.1, "x")] == ["3", "0.1", "x"]


def test_keys_that_change_together_need_as_many_values() -> None:
    together = {"methods": ["kl"], "key": "a", "values": [1, 2], "together": {"b": [3]}}
    with pytest.raises(ConfigError, match=r"'together.b' must have a value for each of 'values', which are 2"):
        validate(AblationOptions, together)


def test_keys_change_together() -> None:
    options = AblationOptions(methods=["kl"], key="a", values=[1, 2], together={"b": [3, 4]})
    assert options.settings == [{"a": 1, "b": 3}, {"a": 2, "b": 4}]


def test_a_run_of_two_ablations_is_one_run(make_study: MakeStudy, make_row: MakeRow) -> None:
    rows = [make_row(split="validation", ablation=name, key="a", seconds=3600.0) for name in ("beta", "lambda")]
    found = page(make_study(), [*rows, make_row(key="b", seconds=1800.0)], "sinkd study study.yaml")
    assert (found["done"], found["hours"]) == (2, 1.5)


def test_the_report_says_which_seeds_a_p_rests_on_and_whether_settings_were_chosen(
    make_study: MakeStudy, make_row: MakeRow
) -> None:
    searched = {"search": {"distillation.temperature": [1, 2]}}
    study = make_study(seeds=[0, 1, 2], seeds_of={"cola": [0, 1, 2, 3, 4]}, methods={"kl": searched})
    found = page(study, [make_row()], "sinkd study study.yaml")
    assert found["searched"]
    assert found["smallest_p"] == {5: 0.0625}
    assert not page(make_study(), [make_row()], "sinkd study study.yaml")["searched"]
