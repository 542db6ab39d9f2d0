"""What a configuration says about the data: the user's own files under ``task``, and limits under ``data``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from sinkd_plugin.options import Options

Split = Literal["train", "validation", "test"]
Metric = Literal["accuracy", "f1", "matthews_correlation"]
Limit = Annotated[int, Field(gt=0)]

ADDED_COLUMNS = ("label", "index")
"""Columns of a loaded split that no text column may be called."""


class FilesTask(Options):
    """A task made of the user's own files: ``.csv``, ``.tsv``, ``.jsonl``, ``.json`` or ``.parquet``.

    Args:
        files: Path of each split; ``train`` is required. Relative paths start at ``data_dir`` where the
            configuration has one, else at the working directory.
        text: The column that holds the text, or a list of two for sentence pairs.
        label: The column that holds the label: a name out of ``labels``, or its position there, from 0.
        labels: Label names in the order of their numbers; without it, the sorted values of the training file.
        metric: The headline metric.
        name: Name in results and model cards; without it, the name of the training file.
    """

    files: dict[Split, Path]
    text: str | list[str]
    label: str
    labels: list[str] | None = None
    metric: Metric = "accuracy"
    name: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The text columns, one or two."""
        return (self.text,) if isinstance(self.text, str) else tuple(self.text)

    @field_validator("files")
    @classmethod
    def _has_train(cls, files: dict[Split, Path]) -> dict[Split, Path]:
        if "train" not in files:
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
    def _named_after_train(cls, data: Any) -> Any:
        files = data.get("files") if isinstance(data, dict) else None
        if isinstance(files, dict) and files.get("train") and not data.get("name"):
            return {**data, "name": Path(str(files["train"])).stem}
        return data


class PromptOptions(Options):
    """A prompt of the user's own, for generative models.

    Args:
        template: The question; ``{column}`` stands for the text of one of the task's text columns.
        verbalisers: The answer that stands for each label, in the order of the labels.
    """

    template: str
    verbalisers: tuple[str, ...]


class DataOptions(Options):
    """How much of the data to use, and how long a text may be.

    Args:
        max_length: Longest text (or pair), in tokens; what is longer is cut.
        max_train_samples: Size of a seeded subset of the training split; ``None`` takes all of it.
        max_validation_samples: The same for the validation split.
        max_test_samples: The same for the test split.
        scored_split: ``validation`` scores models on the validation split where they would be scored on the test split:
            for choosing hyper-parameters, so that the test split stays unseen until one setting is chosen.
    """

    max_length: int = Field(default=128, ge=8)
    max_train_samples: Limit | None = None
    max_validation_samples: Limit | None = None
    max_test_samples: Limit | None = None
    scored_split: Literal["test", "validation"] = "test"
