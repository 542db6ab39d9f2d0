"""What the page of guidelines says is what the recorded studies found."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from sinkd_plugin.study.ablation import ablation_points, value_name
from sinkd_plugin.study.comparison import Comparison, comparisons

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


@pytest.fixture(scope="module")
def found(script: ModuleType) -> dict[str, Comparison]:
    study, rows = script.recorded("reviews_small")
    return {each.method: each for each in comparisons(study, [row for row in rows if row.split == "test"])}


def test_the_tables_are_those_of_the_records(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DOCS.parent)
    text = PAGE.read_text(encoding="utf-8")
    assert script.with_blocks(text, script.blocks()) == text, "run: python docs/study_tables.py"


def test_every_run_of_the_comparison_is_recorded(found: dict[str, Comparison]) -> None:
    assert all(each.scores is not None and each.scores.n == 5 for each in found.values())
    assert not any(each.failed or each.missing for each in found.values())


def test_no_method_is_told_apart_from_kl(found: dict[str, Comparison]) -> None:
    for each in found.values():
        if each.difference is not None:
            assert each.difference.low is not None
            assert each.difference.high is not None
            assert each.difference.low <= 0 <= each.difference.high, each.method
            assert each.difference.high < 0.015, each.method
            assert each.difference.p_value > 0.0625


def test_distillation_is_worth_about_a_point_and_an_eighth_of_the_gap(found: dict[str, Comparison]) -> None:
    alone = found["ce"].difference
    assert alone is not None
    assert alone.mean == pytest.approx(-0.01, abs=0.002)
    assert found["kl"].gap == pytest.approx(1 / 8, abs=0.02)


def test_the_published_weight_is_kl_but_for_a_tenth_of_a_point(found: dict[str, Comparison]) -> None:
    published = found["published-code"].difference
    assert published is not None
    assert abs(published.mean) < 0.0011


def test_the_smaller_weight_won_every_search(script: ModuleType) -> None:
    searched = script.searched(script.recorded("reviews_small")[1])
    assert len(searched) == 7
    assert all(scores[0.1] > scores[0.8] for scores in searched.values())


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
    study, rows = script.recorded("ablations")
    found = {each.method: each for each in comparisons(study, [row for row in rows if row.split == "test"])}
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
