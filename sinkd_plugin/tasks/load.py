"""Load a task: its splits checked, numbered and cut to the size that the configuration asks for."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from sinkd_plugin.catalog import catalog
from sinkd_plugin.errors import DataError, MissingDependencyError
from sinkd_plugin.specs import TaskSpec
from sinkd_plugin.tasks.duplicates import Texts
from sinkd_plugin.tasks.examples import Columns, labelled_examples
from sinkd_plugin.tasks.files import files_task
from sinkd_plugin.tasks.kinds import ANSWER_OF
from sinkd_plugin.tasks.options import DataOptions, FilesTask
from sinkd_plugin.tasks.splits import subset, texts_of, with_index
from sinkd_plugin.tasks.table import quiet_datasets

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

logger = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class LoadedTask:
    """A task with its examples.

    Args:
        spec: The task.
        splits: ``train``, ``validation``, ``test`` and perhaps further tests; columns are those of ``spec.text``
            (strings), ``label`` (below ``label_count``; for regression a number) or ``target`` (a string), and
            ``index`` (position in the split before it was cut to a subset).
    """

    spec: TaskSpec
    splits: DatasetDict

    @property
    def label_count(self) -> int:
        """Number of classes."""
        return len(self.spec.labels)

    @property
    def sizes(self) -> dict[str, int]:
        """Number of examples of each split."""
        return {name: len(split) for name, split in self.splits.items()}

    def text(self, split: str) -> list[Texts]:
        """The texts of each example of a split: one, or two for a pair."""
        return texts_of(self.splits[split], self.spec.text)

    @property
    def further_tests(self) -> tuple[str, ...]:
        """Splits that are scored on their own beside ``test``."""
        return tuple(name for name in self.spec.further_tests if name in self.splits)

    def labels(self, split: str) -> list[int]:
        """The label of each example of a split."""
        return list(self.splits[split]["label"][:])

    def indices(self, split: str) -> list[int]:
        """The stable number of each example of a split."""
        return list(self.splits[split]["index"][:])


def load_task(task: str | FilesTask, *, data_dir: Path | None, data: DataOptions, seed: int) -> LoadedTask:
    """Load a task of the catalog, or one made of the user's own files.

    Which example is in which split never depends on ``seed``; which subset is taken does.

    Args:
        task: Name of a task, or the user's files.
        data_dir: Folder that holds the task's files; ``None``: the task's own source.
        data: Sizes of the subsets.
        seed: Seed of the subsets.

    Raises:
        UnknownNameError: If no plugin provides the task.
        DataError: If its examples do not hold to the rules, or are not as many as the published ones where
            ``data.official`` says that they are these.
        DownloadError: If its source cannot be reached.
        MissingDependencyError: If ``datasets`` is not installed.
    """
    if data_dir is not None and not data_dir.is_dir():
        raise DataError("'data_dir' must be a folder that exists.", received=f"'{data_dir}'", cure="Check the path.")
    if find_spec("datasets") is None:
        raise MissingDependencyError(
            "The package 'datasets' must be installed to load a task.", cure="Run: pip install 'sinkd-plugin[train]'"
        )
    with quiet_datasets():
        spec, splits = _load(task, data_dir)
        _compare_with_published(spec, splits, data)
        loaded = LoadedTask(spec=spec, splits=_subsets(with_index(splits), data, seed))
    _check_classes(loaded)
    return loaded


def _load(task: str | FilesTask, data_dir: Path | None) -> tuple[TaskSpec, DatasetDict]:
    if isinstance(task, FilesTask):
        return files_task(task, data_dir)
    spec = catalog().tasks.get(task)
    return spec, _checked(spec, spec.load(data_dir))


def _checked(spec: TaskSpec, splits: DatasetDict) -> DatasetDict:
    """What a task's ``load`` returned, held to the rules; it may be a third party's."""
    from datasets import DatasetDict

    missing = [name for name in SPLITS if name not in splits or len(splits[name]) == 0]
    if missing:
        raise DataError(
            f"The task '{spec.name}' must have examples in {', '.join(SPLITS)}.",
            received=f"none in {', '.join(missing)}",
        )
    names = [*SPLITS, *(name for name in spec.further_tests if name in splits)]
    return DatasetDict({name: _checked_split(spec, splits[name], name) for name in names})


def _checked_split(spec: TaskSpec, split: Dataset, name: str) -> Dataset:
    columns = Columns(
        text={column: column for column in spec.text},
        answer=ANSWER_OF[spec.kind],
        source=f"{spec.name}, {name}",
        may_be_empty=len(spec.text) > 1,
    )
    return labelled_examples(split, columns, spec.labels, spec.kind)


def _compare_with_published(spec: TaskSpec, splits: DatasetDict, data: DataOptions) -> None:
    """Tell of files that are not the published ones: cut off, or a subset, they give scores of their own."""
    found = {name: len(split) for name, split in splits.items() if name not in ("train", "validation")}
    found["train"] = len(splits["train"]) + len(splits["validation"])
    differences = [
        f"{found[name]} examples where {count} are published (for '{name}')"
        for name, count in spec.published.items()
        if found.get(name, count) != count
    ]
    if differences and data.official:
        raise DataError(
            f"The files of '{spec.name}' must be the published ones, as data.official says.",
            received="; ".join(differences),
            cure="Fetch them again, or set data.official to false.",
        )
    for difference in differences:
        logger.warning("Task '%s': %s, so its scores are not those of the benchmark.", spec.name, difference)


def _subsets(splits: DatasetDict, data: DataOptions, seed: int) -> DatasetDict:
    from datasets import DatasetDict

    limits = {
        "train": data.max_train_samples,
        "validation": data.max_validation_samples,
        "test": data.max_test_samples,
    }
    parts = {name: subset(split, limits.get(name, data.max_test_samples), seed) for name, split in splits.items()}
    if data.scored_split == "test":
        return DatasetDict(parts)
    seen = {name: parts[name] for name in ("train", "validation")}
    return DatasetDict({**seen, "test": parts[data.scored_split]})


def _check_classes(loaded: LoadedTask) -> None:
    if loaded.spec.kind != "classification":
        return
    present = sorted(set(loaded.labels("train")))
    if len(present) < 2:
        raise DataError(
            f"The training split of '{loaded.spec.name}' must hold at least two classes.",
            received=f"'{loaded.spec.labels[present[0]]}' in all {loaded.sizes['train']} rows",
            cure="Add examples of the other classes, or raise data.max_train_samples.",
        )
