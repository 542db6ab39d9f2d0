"""GLUE and SuperGLUE classification tasks, from their official files or from the hub.

The test splits of these benchmarks have no public labels: the official validation split is the test split here, and
a tenth of the training split is held out for validation.

References: Wang et al., GLUE, ICLR 2019; Wang et al., SuperGLUE, NeurIPS 2019.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sinkd_plugin.errors import DataError, DownloadError
from sinkd_plugin.specs import TaskSpec
from sinkd_plugin.tasks.examples import Columns, label_number, labelled_examples
from sinkd_plugin.tasks.prompt_records import PROMPTS
from sinkd_plugin.tasks.splits import three_splits
from sinkd_plugin.tasks.table import quiet_datasets, read_table

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

GLUE, SUPERGLUE = "nyu-mll/glue", "aps/super_glue"
ENTAILMENT = ("entailment", "not_entailment")

STEMS = {
    "train": ("train",),
    "validation": ("dev", "val", "validation", "dev_matched", "validation_matched"),
    "test": ("test", "test_matched"),
}
"""What the file of each split may be called, in the order of preference."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One task of a benchmark.

    Args:
        name: Name of the task.
        summary: One line about it.
        text: Name of each text column on the hub, and in the official files.
        labels: Label names in the order of their numbers.
        metric: The benchmark's own metric, of those we compute.
        label: Name of the label column in the official files; on the hub it is ``label``.
        columns: Names for the columns of official files that have no header.
        matched: Whether the validation split is called ``validation_matched`` on the hub.
    """

    name: str
    summary: str
    text: Mapping[str, str]
    labels: tuple[str, ...]
    metric: str = "accuracy"
    label: str = "label"
    columns: tuple[str, ...] | None = None
    matched: bool = False


def _same(*columns: str) -> dict[str, str]:
    return {column: column for column in columns}


BENCHMARKS = (
    Benchmark(
        name="glue/cola",
        summary="Is the sentence acceptable English?",
        text=_same("sentence"),
        labels=("unacceptable", "acceptable"),
        metric="matthews_correlation",
        columns=("source", "label", "mark", "sentence"),
    ),
    Benchmark(
        name="glue/sst2",
        summary="Is the phrase of a movie review positive? Shares sentences with 'reviews'.",
        text=_same("sentence"),
        labels=("negative", "positive"),
    ),
    Benchmark(
        name="glue/mrpc",
        summary="Do two sentences of the news mean the same?",
        text={"sentence1": "#1 String", "sentence2": "#2 String"},
        labels=("not_equivalent", "equivalent"),
        metric="f1",
        label="Quality",
    ),
    Benchmark(
        name="glue/rte",
        summary="Does one sentence follow from the other? From the RTE challenges.",
        text=_same("sentence1", "sentence2"),
        labels=ENTAILMENT,
    ),
    Benchmark(
        name="glue/qnli",
        summary="Does the sentence answer the question? From SQuAD.",
        text=_same("question", "sentence"),
        labels=ENTAILMENT,
    ),
    Benchmark(
        name="glue/qqp",
        summary="Do two questions of Quora ask the same?",
        text=_same("question1", "question2"),
        labels=("not_duplicate", "duplicate"),
        metric="f1",
        label="is_duplicate",
    ),
    Benchmark(
        name="glue/mnli",
        summary="Does one sentence follow from, contradict, or leave open the other? Matched genres.",
        text={"premise": "sentence1", "hypothesis": "sentence2"},
        labels=("entailment", "neutral", "contradiction"),
        label="gold_label",
        matched=True,
    ),
    Benchmark(
        name="superglue/cb",
        summary="Is its author committed to the clause in a text? Three classes, 250 examples.",
        text=_same("premise", "hypothesis"),
        labels=("entailment", "contradiction", "neutral"),
    ),
    Benchmark(
        name="superglue/rte",
        summary="Does one sentence follow from the other? SuperGLUE's files of RTE.",
        text=_same("premise", "hypothesis"),
        labels=ENTAILMENT,
    ),
)


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
        license="other",
        prompts=PROMPTS[benchmark.name],
    )


def _load(benchmark: Benchmark, data_dir: Path | None) -> DatasetDict:
    parts = _from_hub(benchmark) if data_dir is None else _from_folder(benchmark, data_dir)
    return three_splits(parts, tuple(benchmark.text))


def _from_folder(benchmark: Benchmark, folder: Path) -> dict[str, Dataset]:
    files = {split: _file(folder, stems) for split, stems in STEMS.items()}
    for split in ("train", "validation"):
        if files[split] is None:
            raise DataError(
                f"'data_dir' must hold {' or '.join(STEMS[split])} (.tsv, .jsonl) for the task '{benchmark.name}'.",
                received=f"'{folder}'",
                cure="Check the path, or leave data_dir out to fetch the task from the hub.",
            )
    tables = {
        str(path): (split, read_table(path, "data_dir", raw=path.suffix == ".tsv", columns=_header(benchmark, path)))
        for split, path in files.items()
        if path is not None
    }
    return _labelled(benchmark, tables)


def _file(folder: Path, stems: tuple[str, ...]) -> Path | None:
    candidates = (folder / f"{stem}{suffix}" for stem in stems for suffix in (".tsv", ".jsonl", ".csv", ".parquet"))
    return next((path for path in candidates if path.is_file()), None)


def _header(benchmark: Benchmark, path: Path) -> tuple[str, ...] | None:
    return benchmark.columns if path.suffix == ".tsv" else None


def _from_hub(benchmark: Benchmark) -> dict[str, Dataset]:
    from datasets import load_dataset

    suite, config = benchmark.name.split("/")
    repository = GLUE if suite == "glue" else SUPERGLUE
    try:
        with quiet_datasets():
            splits = load_dataset(repository, config)
    except Exception as error:  # the hub's client raises errors of three libraries
        raise DownloadError(
            f"The task '{benchmark.name}' must be reachable on the hub as '{repository}'.",
            received=f"{type(error).__name__}: {error}",
            cure="Check the network, or set data_dir: to a folder that holds its train and dev files.",
        ) from error
    ending = "_matched" if benchmark.matched else ""
    names = {"train": "train", "validation": f"validation{ending}", "test": f"test{ending}"}
    return _labelled(benchmark, {f"{repository}, {name}": (part, splits[name]) for part, name in names.items()})


def _labelled(benchmark: Benchmark, tables: Mapping[str, tuple[str, Dataset]]) -> dict[str, Dataset]:
    """The examples of each split that has labels."""
    parts = {}
    for source, (split, table) in tables.items():
        columns = _columns(benchmark, table, source)
        if split != "test" or _has_labels(table, columns.label, benchmark.labels):
            parts[split] = labelled_examples(table, columns, benchmark.labels)
    return parts


def _columns(benchmark: Benchmark, table: Dataset, source: str) -> Columns:
    """The official files' names where they are there, else the hub's."""
    there = set(table.column_names)
    text = {name: official if official in there else name for name, official in benchmark.text.items()}
    label = benchmark.label if benchmark.label in there else "label"
    return Columns(text=text, label=label, source=source, text_key="data_dir", label_key="data_dir")


def _has_labels(table: Dataset, column: str, labels: Sequence[str]) -> bool:
    """Whether any row has a label; public test files have no such column, or -1 in it."""
    return column in table.column_names and any(label_number(value, labels) is not None for value in table[column][:])
