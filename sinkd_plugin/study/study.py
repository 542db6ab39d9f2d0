"""A study from its file to its report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sinkd_plugin.options import validate
from sinkd_plugin.study.cells import Cell, ablation_cells, final_cells, search_cells
from sinkd_plugin.study.choose import choose
from sinkd_plugin.study.config import StudyConfig, smoked
from sinkd_plugin.study.report import write_report
from sinkd_plugin.study.rows import Row, rows_of
from sinkd_plugin.study.store import Store
from sinkd_plugin.study.work import work
from sinkd_plugin.training.config import read_mapping, with_changes


def load_study(path: Path, changes: Sequence[str] = (), *, smoke: bool = False) -> StudyConfig:
    """Read and check a study, and each of its cells.

    Args:
        path: A YAML or JSON file.
        changes: ``dotted.key=value`` each.
        smoke: Take the study of minutes.

    Raises:
        ConfigError: If a key or value is wrong, of the study or of a run.
    """
    study = validate(StudyConfig, with_changes(read_mapping(path), changes))
    study = smoked(study) if smoke else study
    search_cells(study)
    _last_cells(study, Store(study.folder))
    return study


def run_study(study: StudyConfig, *, retry_failed: bool = False) -> None:
    """Run every cell that has not ended; other processes may do the same at the same time."""
    store = Store(study.folder)
    if retry_failed:
        for cell in all_cells(study, store):
            outcome = store.outcome(cell)
            if outcome is not None and outcome.status == "failed":
                store.forget(cell)
    work(search_cells(study), store)
    work(_last_cells(study, store), store, study.keep_seed)


def report_study(study: StudyConfig, command: str) -> tuple[Path, list[Row]]:
    """Write the report of what has been run: its path, and all rows."""
    store = Store(study.folder)
    rows = rows_of(all_cells(study, store), store)
    return write_report(study, rows, command), rows


def all_cells(study: StudyConfig, store: Store) -> list[Cell]:
    """Every cell, with the settings that are the best so far."""
    return [*search_cells(study), *_last_cells(study, store)]


def _last_cells(study: StudyConfig, store: Store) -> list[Cell]:
    chosen = choose(study, store)
    return [*final_cells(study, chosen), *ablation_cells(study, chosen)]
