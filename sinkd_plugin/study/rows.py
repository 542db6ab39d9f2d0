"""Raw results of a study: one row for each cell, whatever it has come to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from sinkd_plugin.storage import new_file
from sinkd_plugin.study.cells import Cell
from sinkd_plugin.study.store import Store


@dataclass(frozen=True, kw_only=True)
class Row:
    """One cell with its scores.

    Args:
        task: Name of the task.
        pair: Name of the pair of teacher and student.
        method: Name of the method.
        ablation: Name of the ablation; empty for the comparison.
        setting: The keys in which the cell differs, as JSON.
        seed: Of the run.
        split: Where it was scored.
        benchmark: Name of the run's task, such as ``glue/cola``.
        status: ``done``, ``failed``, or ``missing`` for a cell that has not been run.
        metric: The task's headline metric.
        score: The student's.
        teacher: The teacher's.
        architecture: Family of the models.
        agreement: Share of examples that both label alike.
        n: Scored examples.
        parameters: Of the student.
        seconds: How long the run took; with a teacher that another cell has made, without its training.
        error: Why it failed.
        key: Hash of its configuration.
    """

    task: str
    pair: str
    method: str
    ablation: str
    setting: str
    seed: int
    split: str
    benchmark: str
    status: str
    metric: str | None = None
    score: float | None = None
    teacher: float | None = None
    architecture: str | None = None
    agreement: float | None = None
    n: int | None = None
    parameters: int | None = None
    seconds: float | None = None
    error: str | None = None
    key: str


def rows_of(cells: Iterable[Cell], store: Store) -> list[Row]:
    """One row a cell."""
    return [_row(cell, store) for cell in cells]


def write_rows(rows: list[Row], folder: Path) -> None:
    """Write ``results.csv`` and ``results.parquet``."""
    import pyarrow
    from pyarrow import csv, parquet

    table = pyarrow.Table.from_pylist([asdict(row) for row in rows])
    with new_file(folder / "results.csv") as path:
        csv.write_csv(table, path)
    with new_file(folder / "results.parquet") as path:
        parquet.write_table(table, path)


def _row(cell: Cell, store: Store) -> Row:
    about = {name: getattr(cell, name) for name in ("task", "pair", "method", "ablation", "seed", "split", "key")}
    task = cell.config.task
    about["benchmark"] = task if isinstance(task, str) else task.name
    setting, outcome = json.dumps(cell.setting), store.outcome(cell)
    if outcome is None:
        return Row(**about, setting=setting, status="missing")
    if outcome.result is None:
        return Row(**about, setting=setting, status="failed", error=outcome.error, seconds=outcome.seconds)
    student, metric = outcome.result["student"], outcome.result["metric"]
    return Row(
        **about,
        setting=setting,
        status="done",
        metric=metric,
        score=student["test"][metric],
        teacher=outcome.result["teacher"]["test"][metric],
        architecture=outcome.result["architecture"],
        agreement=student.get("agreement_with_teacher"),
        n=student["n"],
        parameters=student["parameters"],
        seconds=outcome.seconds,
    )
