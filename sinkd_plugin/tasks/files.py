"""A task made of the user's own files."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sinkd_plugin.specs import TaskSpec
from sinkd_plugin.tasks.duplicates import crossing
from sinkd_plugin.tasks.examples import Columns, label_name, label_values, labelled_examples
from sinkd_plugin.tasks.options import FilesTask
from sinkd_plugin.tasks.splits import texts_of, three_splits
from sinkd_plugin.tasks.table import read_table

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

logger = logging.getLogger(__name__)


def files_task(task: FilesTask, data_dir: Path | None) -> tuple[TaskSpec, DatasetDict]:
    """The task and its splits, read from its files.

    Args:
        task: What the configuration says.
        data_dir: Where relative paths start; ``None``: the working directory.

    Raises:
        DataError: If a file, a column, a text or a label does not hold to the rules.
    """
    paths = {split: (data_dir or Path()) / path.expanduser() for split, path in task.files.items()}
    tables = {split: read_table(path, f"task.files.{split}") for split, path in paths.items()}
    labels = tuple(task.labels or _labels_in(tables["train"], _columns(task, paths["train"])))
    parts: dict[str, Dataset] = {
        name: labelled_examples(table, _columns(task, paths[name]), labels) for name, table in tables.items()
    }
    splits = three_splits(parts, task.columns)
    _tell_of_duplicates(task, splits)
    return _spec(task, labels), splits


def _spec(task: FilesTask, labels: tuple[str, ...]) -> TaskSpec:
    return TaskSpec(
        name=task.name,
        summary=f"Own files, {len(labels)} classes.",
        text=task.columns,
        labels=labels,
        metric=task.metric,
        load=lambda data_dir: files_task(task, data_dir)[1],
    )


def _columns(task: FilesTask, path: Path) -> Columns:
    return Columns(text={name: name for name in task.columns}, label=task.label, source=str(path))


def _labels_in(train: Dataset, columns: Columns) -> list[str]:
    """Label names of a training file: those it declares itself, else its sorted values, numbers by size."""
    values = label_values(train, columns)
    declared = getattr(train.features[columns.label], "names", None)
    if declared:
        return list(declared)
    names = {name for value in values if (name := label_name(value)) is not None}
    return sorted(names, key=lambda name: (_size(name), name))


def _size(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return float("inf")


def _tell_of_duplicates(task: FilesTask, splits: DatasetDict) -> None:
    shared = crossing({name: texts_of(split, task.columns) for name, split in splits.items()})
    for (one, other), count in shared.items():
        logger.warning(
            "Task '%s': %d texts of '%s' are also in '%s', so its score is better than on unseen text.",
            task.name,
            count,
            other,
            one,
        )
