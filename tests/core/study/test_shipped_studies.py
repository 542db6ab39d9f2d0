"""Every study that comes with the project is one that can be run."""

from __future__ import annotations

from pathlib import Path

import pytest

from sinkd_plugin.study.cells import search_cells
from sinkd_plugin.study.config import StudyConfig
from sinkd_plugin.study.store import Store
from sinkd_plugin.study.study import all_cells, load_study
from sinkd_plugin.training.config import read_mapping

STUDIES = sorted(
    path
    for path in (Path(__file__).parents[3] / "studies").glob("*.yaml")
    if "methods" in read_mapping(path)  # the others are runs that make a study's teacher
)


@pytest.fixture(params=STUDIES, ids=lambda path: path.stem)
def study(request: pytest.FixtureRequest, tmp_path: Path) -> StudyConfig:
    return load_study(request.param, [f"folder={tmp_path / 'work'}"])


def test_there_are_the_studies_of_the_documentation() -> None:
    assert {path.stem for path in STUDIES} >= {"reviews", "reviews_small", "glue_small", "ablations"}


def test_every_cell_of_a_shipped_study_is_a_checked_run(study: StudyConfig) -> None:
    cells = all_cells(study, Store(study.folder))
    assert {cell.method for cell in cells} == set(study.methods)
    assert len({cell.key for cell in cells}) > len(study.seeds)


def test_every_method_of_a_shipped_study_is_tuned_by_the_same_budget(study: StudyConfig) -> None:
    searched: dict[tuple[str, str, str], int] = {}
    for cell in search_cells(study):
        place = cell.task, cell.pair, cell.method
        searched[place] = searched.get(place, 0) + 1
    places = len(study.tasks) * len(study.pairs) * len(study.methods)
    assert not searched or len(searched) == places
    assert len(set(searched.values())) <= 1


def test_a_shipped_study_has_enough_seeds_and_a_smoke_form(study: StudyConfig) -> None:
    assert len(study.seeds) >= 3
    assert study.smoke.changes
