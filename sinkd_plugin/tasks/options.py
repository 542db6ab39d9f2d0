"""What a configuration says about the data: the user's own data under ``task``, and limits under ``data``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from sinkd_plugin.options import Options
from sinkd_plugin.tasks.kinds import METRICS_OF, Kind

Split = Literal["train", "validation", "test"]
Limit = Annotated[int, Field(gt=0)]

ADDED_COLUMNS = ("label", "target", "index")
"""Columns of a loaded split that no text column may be called."""


class FilesTask(Options):
    """A task of the user's own: ``.csv``, ``.tsv``, ``.jsonl``, ``.json`` or ``.parquet`` files, or a data set.

    Args:
        files: Path of each split; ``train`` is required. Relative paths start at ``data_dir`` where the
            configuration has one, else at the working directory.
        header: Column names of ``.csv`` and ``.tsv`` files that have no header line.
        dataset: Instead of ``files``, what ``datasets.load_dataset`` takes: an id on the hub, or a folder.
        config: The data set's configuration, where it has several.
        splits: What the data set calls the splits, such as ``{validation: dev}``.
        text: The column that holds the text, or a list of two for sentence pairs.
        label: The column that holds the label: a name out of ``labels``, or its position there, from 0; for
            ``regression`` a number.
        target: Instead of ``label``, the column that holds the text to be written.
        kind: ``classification``, ``regression`` or, with ``target``, ``generation``.
        labels: Label names in the order of their numbers; without it, the sorted values of the training file.
        metric: The headline metric.
        name: Name in results and model cards; without it, that of the training file or of the data set.
    """

    files: dict[Split, Path] | None = None
    header: tuple[str, ...] | None = Field(None, min_length=2)
    dataset: str | None = Field(None, min_length=1)
    config: str | None = None
    splits: dict[Split, str] | None = None
    text: str | list[str]
    label: str | None = None
    target: str | None = None
    kind: Kind = "classification"
    labels: list[str] | None = None
    metric: str = ""
    name: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The text columns, one or two."""
        return (self.text,) if isinstance(self.text, str) else tuple(self.text)

    @property
    def answer(self) -> str:
        """The column that holds what is to be found."""
        return self.label or self.target or ""

    @field_validator("files")
    @classmethod
    def _has_train(cls, files: dict[Split, Path] | None) -> dict[Split, Path] | None:
        if files is not None and "train" not in files:
            raise ValueError("must name the file of the split 'train'")
        return files

    @field_validator("text", mode="before")
    @classmethod
    def _one_or_two(cls, text: Any) -> Any:
        columns = [text] if isinstance(text, str) else list(text) if isinstance(text, (list, tuple)) else []
        named = all(isinstance(column, str) and column for column in columns)
        if not named or len(columns) not in (1, 2) or len(set(columns)) < len(columns):
            raise ValueError("must be the name of a column, or a list of two different ones")
        reserved = [column for column in columns if column in ADDED_COLUMNS]
        if reserved:
            raise ValueError(f"a text column must not be called '{reserved[0]}'; rename it in the file")
        return text if isinstance(text, str) else columns

    @field_validator("labels")
    @classmethod
    def _distinct(cls, labels: list[str] | None) -> list[str] | None:
        if labels is not None and (len(labels) < 2 or len(set(labels)) < len(labels)):
            raise ValueError("must be two or more different names")
        return labels

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, data: Any) -> Any:
        """Fill in what follows from the rest: the kind from ``target``, its metric, and the name."""
        if not isinstance(data, dict):
            return data
        kind: Any = data.get("kind") or ("generation" if data.get("target") else "classification")
        metrics = METRICS_OF.get(kind, ("",))
        named = data.get("name") or _origin_name(data.get("files"), data.get("dataset"))
        return {**data, "kind": kind, "metric": data.get("metric") or metrics[0], "name": named}

    @model_validator(mode="after")
    def _consistent(self) -> FilesTask:
        for broken, rule in _RULES:
            if broken(self):
                raise ValueError(rule)
        if self.metric not in METRICS_OF[self.kind]:
            raise ValueError(f"'metric' must be one of {', '.join(METRICS_OF[self.kind])} for {self.kind}")
        return self


def _origin_name(files: Any, dataset: Any) -> str:
    if isinstance(files, dict) and files.get("train"):
        return Path(str(files["train"])).stem
    return Path(dataset).name if isinstance(dataset, str) else ""


_RULES: tuple[tuple[Callable[[FilesTask], bool], str], ...] = (
    (lambda task: (task.files is None) == (task.dataset is None), "give exactly one of 'files' and 'dataset'"),
    (lambda task: task.dataset is None and bool(task.config), "'config' belongs to a 'dataset'"),
    (lambda task: task.dataset is None and bool(task.splits), "'splits' belongs to a 'dataset'"),
    (lambda task: task.files is None and bool(task.header), "'header' belongs to 'files'"),
    (lambda task: (task.label is None) == (task.target is None), "give exactly one of 'label' and 'target'"),
    (lambda task: (task.kind == "generation") != bool(task.target), "'target' and kind 'generation' go together"),
    (lambda task: task.kind != "classification" and bool(task.labels), "'labels' are for classification"),
    (lambda task: task.answer in task.columns, "'label' or 'target' must be another column than 'text'"),
)
"""What must not be, and the rule that it breaks."""


class PromptOptions(Options):
    """A prompt of the user's own, for generative models.

    Args:
        template: The question; ``{column}`` stands for the text of one of the task's text columns.
        verbalisers: The answer that stands for each label, in the order of the labels; none where the answer is a text.
    """

    template: str
    verbalisers: tuple[str, ...] = ()


class DataOptions(Options):
    """How much of the data to use, and how long a text may be.

    Args:
        max_length: Longest text (or pair), in tokens; what is longer is cut.
        max_target_length: Longest text to be written, in tokens, for generation tasks.
        max_train_samples: Size of a seeded subset of the training split; ``None`` takes all of it.
        max_validation_samples: The same for the validation split.
        max_test_samples: The same for the test split, and for each further one.
        scored_split: ``validation`` scores models on the validation split where they would be scored on the test split:
            for choosing hyper-parameters, so that the test split stays unseen until one setting is chosen.
        official: Refuse files of a benchmark that have not as many examples as the published ones; without it a
            warning says so.
    """

    max_length: int = Field(default=128, ge=8)
    max_target_length: int = Field(default=64, ge=1)
    max_train_samples: Limit | None = None
    max_validation_samples: Limit | None = None
    max_test_samples: Limit | None = None
    scored_split: Literal["test", "validation"] = "test"
    official: bool = False
