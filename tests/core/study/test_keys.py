"""A cell's key: the same run has the same key today and after the next version, and another run another one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from sinkd_plugin.options import Options
from sinkd_plugin.study.cells import Cell, final_cells, search_cells
from sinkd_plugin.study.config import StudyConfig
from sinkd_plugin.study.store import Outcome, Store
from sinkd_plugin.study.study import load_study
from sinkd_plugin.training.config import RunConfig, plain

WriteStudy = Callable[..., Path]


class LaterOptions(Options):
    """Options that a later version brings."""

    strength: float = 1.0


class LaterRun(RunConfig):
    """A run's configuration as a later version has it."""

    novelty: bool = False
    block: LaterOptions = LaterOptions()
    names: dict[str, int] = Field(default_factory=dict)


@pytest.fixture
def study(write_study: WriteStudy) -> StudyConfig:
    return load_study(write_study(ablations={}))


@pytest.fixture
def cell(study: StudyConfig) -> Cell:
    return search_cells(study)[0]


def later(cell: Cell, **changes: Any) -> Cell:
    """The same cell in a later version, with some of its new keys set."""
    return dataclasses.replace(cell, config=LaterRun.model_validate({**plain(cell.config), **changes}))


def test_keys_that_a_later_version_adds_change_no_key(cell: Cell) -> None:
    assert later(cell).key == cell.key
    assert later(cell).teacher_key == cell.teacher_key


@pytest.mark.parametrize("changes", [{"novelty": True}, {"block": {"strength": 2.0}}, {"names": {"a": 1}}])
def test_a_new_key_that_is_set_makes_another_cell(cell: Cell, changes: dict[str, Any]) -> None:
    assert later(cell, **changes).key != cell.key


def test_stating_a_default_changes_no_key(write_study: WriteStudy, study: StudyConfig) -> None:
    stated = {"kl": {"title": "KL", "set": {"distillation.sinkd": None, "data.official": False}}}
    chosen: dict[tuple[str, str, str], dict[str, Any]] = {("tiny", "two-layers", "kl"): {}}
    same = load_study(write_study(methods=stated, undistilled=None, ablations={}))
    assert [each.key for each in final_cells(same, chosen)] == [each.key for each in final_cells(study, chosen)]


@pytest.mark.parametrize(
    "setting",
    [
        {"distillation.sinkd.weight": 0.5},
        {"distillation.sinkd": {}},
        {"distillation.temperature": 3},
        {
            "distillation.intermediate_matches": [
                {"layer_T": 1, "layer_S": 1, "feature": "hidden", "loss": "mse", "weight": 1}
            ]
        },
        {"training.group_size": 48},
        {"data.max_length": 12},
    ],
)
def test_another_value_makes_another_cell(study: StudyConfig, setting: dict[str, Any]) -> None:
    place = "tiny", "two-layers", "kl"
    keys = {each.key for each in (*final_cells(study, {place: {}}), *final_cells(study, {place: setting}))}
    assert len(keys) == 2 * len(study.seeds)


def test_where_a_study_lies_does_not_matter(study: StudyConfig, tmp_path: Path) -> None:
    moved = study.model_copy(update={"folder": tmp_path / "elsewhere"})
    assert [each.key for each in search_cells(moved)] == [each.key for each in search_cells(study)]


def finished(cell: Cell, config: dict[str, Any]) -> Outcome:
    return Outcome(status="failed", error="it was cold", seconds=1.0, config=config)


def test_an_outcome_from_before_a_key_was_added_still_holds(study: StudyConfig, cell: Cell) -> None:
    store = Store(study.folder)
    store.finish(cell, finished(cell, cell.resolved))
    assert store.outcome(later(cell)) is not None


def test_an_outcome_is_not_taken_after_a_default_has_changed(study: StudyConfig, cell: Cell) -> None:
    """Nobody stated the number of sweeps, so the key is the same; but the run that it names is another one by now."""
    store = Store(study.folder)
    config = cell.resolved
    config["distillation"]["sinkd"]["iterations"] = 10
    store.finish(cell, finished(cell, config))
    assert store.outcome(cell) is None


def test_an_outcome_is_not_taken_after_a_key_has_gone(study: StudyConfig, cell: Cell) -> None:
    store = Store(study.folder)
    store.finish(cell, finished(cell, {**cell.resolved, "gone": False}))
    assert store.outcome(cell) is None


def teachers(write_study: WriteStudy, changes: dict[str, Any]) -> set[str]:
    """The teachers of the final runs of three seeds."""
    methods = {"kl": {"set": {"distillation.sinkd": None}}}
    path = write_study(tasks={"tiny": changes}, seeds=[0, 1, 2], methods=methods, undistilled=None, ablations={})
    return {cell.teacher_key for cell in final_cells(load_study(path), {("tiny", "two-layers", "kl"): {}})}


def test_a_seed_has_a_teacher_of_its_own(write_study: WriteStudy) -> None:
    assert len(teachers(write_study, {})) == 3


def test_seeds_share_a_teacher_that_has_its_own_seed(write_study: WriteStudy) -> None:
    assert len(teachers(write_study, {"teacher.seed": 0})) == 1


def test_seeds_that_draw_examples_share_no_teacher(write_study: WriteStudy) -> None:
    assert len(teachers(write_study, {"teacher.seed": 0, "data.max_train_samples": 32})) == 3
