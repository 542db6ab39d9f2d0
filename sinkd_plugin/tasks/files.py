"""A task of the user's own: files, or a data set that ``datasets`` loads."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sinkd_plugin.errors import DataError
from sinkd_plugin.specs import TaskSpec
from sinkd_plugin.tasks.duplicates import crossing
from sinkd_plugin.tasks.examples import Columns, answer_values, has_labels, labelled_examples
from sinkd_plugin.tasks.hub import folder_splits, hub_splits
from sinkd_plugin.tasks.label_names import declared_names, names_in
from sinkd_plugin.tasks.options import FilesTask
from sinkd_plugin.tasks.splits import texts_of, three_splits
from sinkd_plugin.tasks.table import read_table

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

logger = logging.getLogger(__name__)

STEMS = {"train": ("train",), "validation": ("validation", "valid", "dev", "val"), "test": ("test",)}
"""What a data set may call each split, in the order of preference."""


def files_task(task: FilesTask, data_dir: Path | None) -> tuple[TaskSpec, DatasetDict]:
    """The task and its splits, read from its files or its data set.

    Args:
        task: What the configuration says.
        data_dir: Where relative paths start; ``None``: the working directory.

    Raises:
        DataError: If a file, a column, a text or an answer does not hold to the rules.
        DownloadError: If the data set cannot be had.
    """
    tables = dict(_from_files(task, data_dir) if task.dataset is None else _from_dataset(task, data_dir))
    labels = _labels(task, *tables["train"])
    parts = {
        name: labelled_examples(table, columns, labels, task.kind)
        for name, (table, columns) in tables.items()
        if task.dataset is None or name != "test" or has_labels(table, columns, labels, task.kind)
    }
    splits = three_splits(parts, task.columns)
    _tell_of_duplicates(task, splits)
    return _spec(task, labels), splits


def _from_files(task: FilesTask, data_dir: Path | None) -> Iterator[tuple[str, tuple[Dataset, Columns]]]:
    for split, path in (task.files or {}).items():
        whole = (data_dir or Path()) / path.expanduser()
        table = read_table(whole, f"task.files.{split}", columns=task.header)
        yield split, (table, _columns(task, str(whole)))


def _from_dataset(task: FilesTask, data_dir: Path | None) -> Iterator[tuple[str, tuple[Dataset, Columns]]]:
    found = _dataset(task, data_dir)
    for split, names in STEMS.items():
        named = (task.splits or {}).get(split)  # type: ignore[call-overload]
        name = next((name for name in ((named,) if named else names) if name in found), None)
        if name is not None:
            yield split, (found[name], _columns(task, f"{task.dataset}, {name}"))
        elif named or split == "train":
            raise DataError(
                f"'task.splits.{split}' must be a split of the data set '{task.dataset}'.",
                received=f"'{named or split}'",
                cure=f"Its splits: {', '.join(found)}.",
            )


def _dataset(task: FilesTask, data_dir: Path | None) -> DatasetDict:
    reference = task.dataset or ""
    folder = (data_dir or Path()) / Path(reference).expanduser()
    if folder.is_dir():
        return folder_splits(folder, task.config, "task.dataset")
    return hub_splits(
        reference,
        task.config,
        f"'task.dataset' must be a folder, or a data set of the hub that can be reached: '{reference}'.",
        "Check the name, task.config and the network, or give files.",
    )


def _spec(task: FilesTask, labels: tuple[str, ...]) -> TaskSpec:
    classes = f", {len(labels)} classes" if task.kind == "classification" else ""
    return TaskSpec(
        name=task.name,
        summary=f"Own data, {task.kind}{classes}.",
        text=task.columns,
        labels=labels,
        metric=task.metric,
        kind=task.kind,
        load=lambda data_dir: files_task(task, data_dir)[1],
    )


def _columns(task: FilesTask, source: str) -> Columns:
    return Columns(
        text={name: name for name in task.columns},
        answer=task.answer,
        source=source,
        answer_key="task.target" if task.target else "task.label",
    )


def _labels(task: FilesTask, train: Dataset, columns: Columns) -> tuple[str, ...]:
    """Label names: those of the configuration, those that the table declares itself, or its sorted values."""
    if task.kind != "classification":
        return () if task.kind == "generation" else (columns.answer,)
    values = answer_values(train, columns)
    declared = declared_names(train, columns.answer)
    return tuple(task.labels or declared or names_in(values, columns.answer_key, columns.answer))


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
