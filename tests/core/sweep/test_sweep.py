"""A sweep on real runs of a second each: what is tried, what is chosen, and what a later call adds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from sinkd_plugin.cli.main import cli
from sinkd_plugin.errors import ConfigError, StorageError, UserError, WorldError
from sinkd_plugin.sweep.config import RangeOptions, SweepConfig
from sinkd_plugin.sweep.space import distributions, grid, setting
from sinkd_plugin.sweep.storage import opened
from sinkd_plugin.sweep.sweep import choose, load_sweep, run_sweep
from sinkd_plugin.training.config import load_config

WriteSweep = Callable[..., Path]
GRID: dict[str, Any] = {
    "sampler": "grid",
    "trials": None,
    "space": {"distillation.sinkd.weight": [0.1, 0.8], "student.from_teacher_layers": [[0, 2], [0, 1]]},
}


def outcomes(sweep: SweepConfig) -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in (sweep.folder / "outcomes").glob("*.json")]


def test_the_best_on_the_validation_split_is_chosen_for_the_test_split(write_sweep: WriteSweep) -> None:
    sweep = load_sweep(write_sweep())
    found = run_sweep(sweep)
    assert len(found) == 3
    assert {outcome["result"]["scored_split"] for outcome in outcomes(sweep)} == {"validation"}
    assert sorted(each.score for each in found if each.score is not None) == sorted(
        outcome["result"]["student"]["test"]["accuracy"] for outcome in outcomes(sweep)
    )
    best, path = choose(sweep, found)
    assert best.score == max(each.score for each in found if each.score is not None)
    config = load_config(path)
    assert config.data.scored_split == "test"
    assert config.training.seed == 3, "the base's own, and none that a trial had"
    assert config.optimizer.learning_rate == best.setting["optimizer.learning_rate"]
    assert config.distillation.sinkd is not None
    assert config.distillation.sinkd.weight == best.setting["distillation.sinkd.weight"]


def test_a_later_call_adds_what_is_missing_and_repeats_nothing(write_sweep: WriteSweep) -> None:
    sweep = load_sweep(write_sweep(trials=2))
    first = run_sweep(sweep)
    files = {path: path.stat().st_mtime_ns for path in (sweep.folder / "outcomes").iterdir()}
    assert run_sweep(sweep) == first
    more = run_sweep(load_sweep(write_sweep(trials=3)))
    assert len(more) == 3
    assert all(each in more for each in first)
    assert {path: path.stat().st_mtime_ns for path in files} == files


def test_the_draws_depend_on_the_seed_alone(write_sweep: WriteSweep, tmp_path: Path) -> None:
    settings = []
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        folder = str(tmp_path / name)
        found = run_sweep(load_sweep(write_sweep(name, folder=folder, seed=seed, trials=2)))
        settings.append([each.setting for each in sorted(found, key=lambda each: each.number)])
    assert settings[0] == settings[1] != settings[2]
    assert settings[0][0] != settings[0][1]


def test_a_grid_is_gone_through_once_with_one_teacher(write_sweep: WriteSweep) -> None:
    sweep = load_sweep(write_sweep(**GRID))
    found = run_sweep(sweep)
    tried = sorted(
        (each.setting["distillation.sinkd.weight"], each.setting["student.from_teacher_layers"]) for each in found
    )
    assert tried == [(0.1, [0, 1]), (0.1, [0, 2]), (0.8, [0, 1]), (0.8, [0, 2])]
    assert len(list((sweep.folder / "teachers").iterdir())) == 1


def test_the_score_is_the_mean_over_the_seeds(write_sweep: WriteSweep) -> None:
    (found,) = run_sweep(load_sweep(write_sweep(seeds=[10, 11], trials=1, sampler="tpe")))
    assert len(found.scores) == 2
    assert found.score == pytest.approx(sum(found.scores) / 2)


@pytest.mark.parametrize(
    ("space", "broken", "reason"),
    [
        ({"optimizer.learning_rate": [1e30, 1e-3]}, {"optimizer.learning_rate": 1e30}, "must be finite"),
        (
            {"training.group_size": [None, 32], "training.gradient_accumulation_steps": [1, 2]},
            {"training.group_size": 32, "training.gradient_accumulation_steps": 2},
            "give 'group_size' or 'gradient_accumulation_steps'",
        ),
    ],
    ids=["in its run", "by keys that do not go together"],
)
def test_a_setting_that_fails_is_told_and_the_others_go_on(
    write_sweep: WriteSweep, space: dict[str, Any], broken: dict[str, Any], reason: str
) -> None:
    sweep = load_sweep(write_sweep(sampler="grid", trials=None, space=space))
    *good, failed = run_sweep(sweep)
    assert failed.setting == broken
    assert failed.score is None
    assert reason in (failed.error or "")
    assert good
    assert all(each.score is not None for each in good)
    assert choose(sweep, good)[0] == good[0]


def test_where_all_fail_there_is_nothing_to_choose(write_sweep: WriteSweep) -> None:
    path = write_sweep(sampler="grid", trials=None, space={"optimizer.learning_rate": [1e30]})
    done = CliRunner().invoke(cli, ["sweep", str(path)])
    assert isinstance(done.exception, WorldError)
    assert "needs one setting that can be run. Received: 1 that failed, the first with:" in str(done.exception)
    assert not (path.parent / "work" / "best.yaml").exists()


def test_json_for_scripts(write_sweep: WriteSweep, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["sweep", str(write_sweep()), "--set", "trials=1", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["best"] == told["trials"][0]
    assert told["run"] == str(tmp_path / "work" / "best.yaml")
    again = CliRunner().invoke(cli, ["sweep", str(write_sweep()), "--set", "trials=1"])
    assert "1 settings on the validation split" in again.stdout
    assert again.stdout.splitlines()[-1] == told["run"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": {"optimizer.learning_rat": [1]}}, r"learning_rat'.*Did you mean"),
        ({"space": {"optimizer.learning_rate": {"low": -1.0, "high": 1.0}}}, r"'optimizer\.learning_rate' must"),
        ({"space": {"training.seed": [1, 2]}}, r"'training\.seed' is not for the space; it is set by seeds"),
        ({"space": {"data.scored_split": ["test"]}}, r"every trial is scored on the validation split"),
        ({"space": {}}, r"'space' must have 1 or more entries"),
        ({"space": {"optimizer.epochs": {"low": 3, "high": 2}}}, r"'low' must be below 'high'"),
        ({"space": {"optimizer.epochs": {"low": 0, "high": 2, "log": True}}}, r"'low' must be above 0"),
        ({"space": {"optimizer.epochs": {"low": 1, "high": 4, "step": 2}}}, r"a whole number of steps above 'low'"),
        ({"sampler": "grid"}, r"a grid needs a list or a range with a 'step' for 'optimizer\.learning_rate'"),
        ({"metric": "acuracy"}, r"'metric': must be one of accuracy"),
        ({"trails": 3}, r"Unknown key 'trails'. Did you mean 'trials'"),
    ],
)
def test_a_wrong_sweep_is_refused_before_anything_runs(
    write_sweep: WriteSweep, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_sweep(write_sweep(**changes))
    assert not (tmp_path / "work").exists()


def test_a_name_stands_for_one_sweep(write_sweep: WriteSweep) -> None:
    opened(load_sweep(write_sweep()))
    opened(load_sweep(write_sweep(trials=9, sampler="tpe", seed=4)))
    with pytest.raises(UserError, match=r"holds one sweep by a name.*'tiny' with another base, space.*another name"):
        opened(load_sweep(write_sweep(space={"distillation.sinkd.weight": [0.3]})))


def test_a_storage_that_is_none(write_sweep: WriteSweep) -> None:
    with pytest.raises(ConfigError, match="'storage' must be a file or a database's URL"):
        opened(load_sweep(write_sweep(storage="nothing://there")))
    with pytest.raises(StorageError, match=r"must be within reach. Received: sqlite:////no/such/folder/x\.db"):
        opened(load_sweep(write_sweep(storage="sqlite:////no/such/folder/x.db")))


@given(st.integers(-5, 5), st.integers(1, 20), st.sampled_from([1, 2, 0.25, 0.1]))
def test_a_grids_numbers_go_from_end_to_end(low: int, steps: int, step: float) -> None:
    values = RangeOptions(low=low, high=round(low + steps * step, 6), step=step)
    chosen = [point["key"] for point in grid({"key": values})]
    assert chosen == [round(low + place * step, 6) for place in range(steps + 1)]
    (distribution,) = distributions({"key": values}).values()
    assert all(distribution._contains(number) for number in chosen)


@pytest.mark.parametrize("value", [None, True, 3, 0.5, "kl", [0, 2], {"weight": 0.1}, ["sinkd", {"weight": 0.8}]])
def test_every_value_comes_back_from_a_storage(value: Any) -> None:
    space = {"key": [value, "another"]}
    stored = json.loads(json.dumps(grid(space)[0]))
    assert setting(space, stored) == {"key": value}


def test_the_papers_grid_is_a_sweep() -> None:
    path = Path(__file__).parents[3] / "studies" / "paper_grid.yaml"
    sweep = load_sweep(path)
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["base"]["task"] == "reviews"
    assert sweep.space["optimizer.learning_rate"] == [2e-5, 3e-5, 4e-5, 5e-5]
