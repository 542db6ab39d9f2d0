"""GLUE and SuperGLUE tasks, from their official files or from the hub.

The test splits of these benchmarks have no public labels: the official validation split is the test split here, and
a tenth of the training split is held out for validation.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sinkd_plugin.errors import DataError
from sinkd_plugin.specs import TaskSpec
from sinkd_plugin.tasks.benchmarks import BENCHMARKS, MISMATCHED, Benchmark
from sinkd_plugin.tasks.examples import Columns, has_labels, labelled_examples, without_gaps
from sinkd_plugin.tasks.hub import hub_splits
from sinkd_plugin.tasks.prompt_records import PROMPTS
from sinkd_plugin.tasks.splits import three_splits
from sinkd_plugin.tasks.table import read_table

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

logger = logging.getLogger(__name__)

REPOSITORIES = {"glue": "nyu-mll/glue", "superglue": "aps/super_glue"}

STEMS = {
    "train": ("train",),
    "validation": ("dev", "val", "validation", "dev_matched", "validation_matched"),
    "test": ("test", "test_matched"),
    MISMATCHED: ("dev_mismatched", "validation_mismatched"),
}
"""What the file of each split may be called, in the order of preference."""

ENDINGS = (".tsv", ".jsonl", ".csv", ".parquet", "-00000-of-00001.parquet")


def glue_specs() -> tuple[TaskSpec, ...]:
    """The benchmarks as tasks."""
    return tuple(_spec(benchmark) for benchmark in BENCHMARKS)


def _spec(benchmark: Benchmark) -> TaskSpec:
    return TaskSpec(
        name=benchmark.name,
        summary=benchmark.summary,
        text=tuple(benchmark.text),
        labels=benchmark.labels,
        metric=benchmark.metric,
        load=lambda data_dir: _load(benchmark, data_dir),
        kind=benchmark.kind,
        further_tests=(MISMATCHED,) if benchmark.matched else (),
        published=benchmark.published,
        license="other",
        prompts=PROMPTS.get(benchmark.name, ()),
    )


def _load(benchmark: Benchmark, data_dir: Path | None) -> DatasetDict:
    parts = _from_hub(benchmark) if data_dir is None else _from_folder(benchmark, data_dir)
    further = {name: parts.pop(name) for name in (MISMATCHED,) if name in parts}
    splits = three_splits(parts, tuple(benchmark.text))
    splits.update(further)
    return splits


def _from_folder(benchmark: Benchmark, folder: Path) -> dict[str, Dataset]:
    home = _home(benchmark, folder)
    files = {split: path for split in STEMS if (path := _file(home, split))}
    for split in ("train", "validation"):
        if split not in files:
            raise DataError(
                f"'data_dir' must hold {' or '.join(STEMS[split])} (.tsv, .jsonl) for the task '{benchmark.name}'.",
                received=f"'{folder}'",
                cure="Check the path, or leave data_dir out to fetch the task from the hub.",
            )
    tables = {
        str(path): (split, read_table(path, "data_dir", raw=path.suffix == ".tsv", columns=_header(benchmark, path)))
        for split, path in files.items()
        if split != MISMATCHED or benchmark.matched
    }
    return _labelled(benchmark, tables)


def _home(benchmark: Benchmark, folder: Path) -> Path:
    """Where the task's files lie: in the folder itself, or in the task's own inside a whole benchmark."""
    if _file(folder, "train") is not None:
        return folder
    wanted = {benchmark.folder.casefold(), benchmark.name.rpartition("/")[2]}
    inside = sorted(path for path in folder.iterdir() if path.is_dir() and path.name.casefold() in wanted)
    return next((path for path in inside if _file(path, "train") is not None), folder)


def _file(folder: Path, split: str) -> Path | None:
    candidates = (folder / f"{stem}{ending}" for stem in STEMS[split] for ending in ENDINGS)
    return next((path for path in candidates if path.is_file()), None)


def _header(benchmark: Benchmark, path: Path) -> tuple[str, ...] | None:
    """The official order of the columns where a file has no header: CoLA's own, and copies of the others."""
    if benchmark.columns is None or path.suffix != ".tsv":
        return None
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        first = stream.readline().rstrip("\r\n").split("\t")
    known = {*benchmark.columns, *benchmark.text, "label"}
    return benchmark.columns if len(first) == len(benchmark.columns) and known.isdisjoint(first) else None


def _from_hub(benchmark: Benchmark) -> dict[str, Dataset]:
    suite, config = benchmark.name.split("/")
    repository = REPOSITORIES[suite]
    splits = hub_splits(
        repository,
        config,
        f"The task '{benchmark.name}' must be reachable on the hub as '{repository}'.",
        "Check the network, or set data_dir: to a folder that holds its train and dev files.",
    )
    tables = {f"{repository}, {name}": (part, splits[name]) for part, name in _hub_names(benchmark) if name in splits}
    return _labelled(benchmark, tables)


def _hub_names(benchmark: Benchmark) -> Iterator[tuple[str, str]]:
    ending = "_matched" if benchmark.matched else ""
    yield from (("train", "train"), ("validation", f"validation{ending}"), ("test", f"test{ending}"))
    if benchmark.matched:
        yield MISMATCHED, "validation_mismatched"


def _labelled(benchmark: Benchmark, tables: Mapping[str, tuple[str, Dataset]]) -> dict[str, Dataset]:
    """The examples of each split that has labels."""
    parts = {}
    for source, (split, table) in tables.items():
        columns = _columns(benchmark, table, source)
        if split != "test" or has_labels(table, columns, benchmark.labels, benchmark.kind):
            whole = _without_gaps(benchmark, table, columns)
            parts[split] = labelled_examples(whole, columns, benchmark.labels, benchmark.kind)
    return parts


def _without_gaps(benchmark: Benchmark, table: Dataset, columns: Columns) -> Dataset:
    whole = without_gaps(table, columns) if benchmark.gaps else table
    if len(whole) < len(table):
        logger.info("'%s': %d rows without a label are left out.", columns.source, len(table) - len(whole))
    return whole


def _columns(benchmark: Benchmark, table: Dataset, source: str) -> Columns:
    """The official files' names where they are there, else the hub's."""
    there = set(table.column_names)
    return Columns(
        text={name: official if official in there else name for name, official in benchmark.text.items()},
        answer=benchmark.label if benchmark.label in there else "label",
        source=source,
        text_key="data_dir",
        answer_key="data_dir",
        may_be_empty=benchmark.gaps,
    )
