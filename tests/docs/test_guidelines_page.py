"""What the page of guidelines says is what the recorded studies found."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from sinkd_plugin.study.ablation import ablation_points, value_name
from sinkd_plugin.study.comparison import Comparison, comparisons
from sinkd_plugin.study.latency import read_timings
from sinkd_plugin.study.statistics import Difference

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "guidelines.md"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("study_tables", DOCS / "study_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compared(script: ModuleType, name: str) -> list[Comparison]:
    """What the test runs of a recorded study came to."""
    study, rows = script.recorded(name)
    return comparisons(study, [row for row in rows if row.split == "test"])


@pytest.fixture(scope="module")
def found(script: ModuleType) -> dict[tuple[str, str], Comparison]:
    return {(each.pair, each.method): each for each in compared(script, "reviews")}


def differences_of(found: dict[tuple[str, str], Comparison]) -> dict[tuple[str, str], Difference]:
    """Those that were measured; all but the reference's own."""
    return {place: each.difference for place, each in found.items() if each.difference is not None}


def test_the_tables_are_those_of_the_records(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DOCS.parent)
    text = PAGE.read_text(encoding="utf-8")
    assert script.with_blocks(text, script.blocks()) == text, "run: python docs/study_tables.py"


@pytest.mark.parametrize("name", ["reviews", "reviews_small", "glue_small", "depth_small", "ablations"])
def test_every_run_is_recorded(script: ModuleType, name: str) -> None:
    study, found = script.recorded(name)[0], compared(script, name)
    assert all(each.scores is not None and each.scores.n == len(study.seeds_for(each.task)) for each in found)
    assert not any(each.failed or each.missing for each in found)


def test_nothing_beats_kl(found: dict[tuple[str, str], Comparison]) -> None:
    measured = differences_of(found)
    assert len(measured) == 2 * 14
    assert all(each.low is not None and each.low <= 0 for each in measured.values())
    assert max(each.mean for each in measured.values()) == pytest.approx(0.005)


def test_sinkd_is_worse_on_three_layers_and_like_kl_on_two(found: dict[tuple[str, str], Comparison]) -> None:
    measured = differences_of(found)
    worse, alike = measured["three-layers", "sinkd"], measured["two-layers", "sinkd"]
    assert worse.low is not None
    assert worse.high is not None
    assert [round(100 * end, 2) for end in (worse.mean, worse.low, worse.high)] == [-0.88, -1.60, -0.44]
    assert worse.p_value == pytest.approx(0.0625)
    assert abs(alike.mean) < 0.001
    assert all('"distillation.temperature": 4' in found[pair, "kl"].setting for pair in ("three-layers", "two-layers"))


def test_half_the_reviews_give_the_other_sign(script: ModuleType) -> None:
    found = {each.method: each for each in compared(script, "reviews_small")}
    difference = found["sinkd"].difference
    assert difference is not None
    assert difference.low is not None
    assert difference.high is not None
    assert [round(100 * end, 2) for end in (difference.mean, difference.low, difference.high)] == [0.22, -0.08, 0.52]


def test_distillation_is_worth_little(found: dict[tuple[str, str], Comparison]) -> None:
    measured = differences_of(found)
    assert measured["three-layers", "ce"].mean == pytest.approx(-0.0064)
    assert measured["two-layers", "ce"].mean > 0


def test_the_published_weight_is_too_small_to_be_seen(found: dict[tuple[str, str], Comparison]) -> None:
    for pair in ("three-layers", "two-layers"):
        difference = found[pair, "published-code"].difference
        assert difference is not None
        assert difference.low is not None
        assert difference.high is not None
        assert difference.low < 0 < difference.high


def test_the_smaller_weight_won_all_searches_but_one(script: ModuleType) -> None:
    searched = script.searched(script.recorded("reviews")[1])
    assert len(searched) == 14
    assert [place for place, scores in searched.items() if scores[0.1] < scores[0.8]] == [("two-layers", "flattened")]


def test_depth_costs_what_the_page_says(script: ModuleType) -> None:
    study, rows = script.recorded("depth_small")
    found = {(each.pair, each.method): each for each in compared(script, "depth_small")}
    lost = {}
    for pair in ("two-layers", "three-layers"):
        scores = found[pair, "kl"].scores
        assert scores is not None
        lost[pair] = 100 * (0.84 - scores.mean)
    assert {row.teacher for row in rows} == {0.84}
    assert lost == {"two-layers": pytest.approx(6.63, abs=0.01), "three-layers": pytest.approx(4.6, abs=0.01)}
    timings = {timing.pair: timing.milliseconds for timing in read_timings(study.latency)}
    assert [round(timings[pair], 1) for pair in ("two-layers", "three-layers")] == [1.8, 2.6]
    for pair in study.pairs:
        difference = found[pair, "sinkd"].difference
        assert difference is not None
        assert difference.low is not None
        assert difference.high is not None
        assert difference.low <= 0 <= difference.high


def test_on_no_task_of_glue_does_sinkd_beat_kl(script: ModuleType) -> None:
    study, rows = script.recorded("glue_small")
    found = {
        (each.task, each.method): each for each in comparisons(study, [row for row in rows if row.split == "test"])
    }
    below = set()
    for task in study.tasks:
        difference = found[task, "sinkd"].difference
        assert difference is not None
        assert difference.low is not None
        assert difference.high is not None
        assert difference.low <= 0
        below |= {task} if difference.high < 0 else set()
    assert below == {"mrpc", "cola"}
    four = {task for task in study.tasks if '"distillation.temperature": 4' in found[task, "kl"].setting}
    assert four == {"sst2", "mrpc", "cola"}
    assert found["cola", "kl"].gap == pytest.approx(0.42, abs=0.01)
    alone = {task: found[task, "ce"].difference for task in ("sst2", "mrpc")}
    assert all(each is not None and each.mean > 0 for each in alone.values())


def test_every_figure_of_the_page_is_there() -> None:
    figures = re.findall(r"!\[.*?\]\((.*?)\)", PAGE.read_text(encoding="utf-8"))
    assert figures
    assert all((DOCS / figure).is_file() for figure in figures)


@pytest.fixture(scope="module")
def differences(script: ModuleType) -> dict[tuple[str, str], float]:
    """Points of KL + SinKD above KL by ablation and value, where all seeds have been run."""
    study, rows = script.recorded("ablations")
    return {
        (name, value_name(point.value)): 100 * point.difference.mean
        for name in study.ablations
        for point in ablation_points(study, rows, name)
        if point.method == "sinkd" and point.difference is not None and point.scores.n == len(study.seeds)
    }


def test_a_large_weight_costs_and_a_small_one_does_not(differences: dict[tuple[str, str], float]) -> None:
    assert abs(differences["beta", "0.1"]) < 0.5
    assert differences["beta", "3.0"] < differences["beta", "0.8"] < -1


def test_the_papers_weight_costs_on_the_test_split_too(script: ModuleType) -> None:
    found = {each.method: each for each in compared(script, "ablations")}
    difference = found["sinkd"].difference
    assert difference is not None
    assert difference.low is not None
    assert difference.high is not None
    ends = difference.mean, difference.low, difference.high
    assert [round(100 * end, 2) for end in ends] == [-1.50, -2.40, -0.97]


def test_regularization_and_temperature_do_not_make_up_for_it(differences: dict[tuple[str, str], float]) -> None:
    found = [differences["lambda", value] for value in ("0.02", "0.1", "0.5")]
    assert max(found) - min(found) < 0.6
    assert differences["tau_sd", "1"] < differences["tau_sd", "2"] < differences["tau_sd", "4"] < 0


def test_the_number_of_sweeps_shows_no_difference(script: ModuleType) -> None:
    study, rows = script.recorded("ablations")
    points = [point.difference for point in ablation_points(study, rows, "iterations") if point.method == "sinkd"]
    assert len(points) == 3
    lows, highs = zip(*((each.low, each.high) for each in points if each is not None), strict=True)
    assert max(lows) < min(highs)


def test_the_term_costs_less_in_larger_batches_and_more_beside_a_flatter_kl(
    differences: dict[tuple[str, str], float],
) -> None:
    assert differences["batch", "16"] < differences["batch", "32"] < differences["batch", "64"] < 0
    assert differences["tau_kl", "4"] < differences["tau_kl", "2"] < differences["tau_kl", "1"] < 0
