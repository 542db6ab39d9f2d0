"""Our tasks as records; importing them imports nothing that reads data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sinkd_plugin.specs import TaskSpec
from sinkd_plugin.tasks.glue import glue_specs
from sinkd_plugin.tasks.prompt_records import PROMPTS

if TYPE_CHECKING:
    from datasets import DatasetDict


def task_specs() -> tuple[TaskSpec, ...]:
    """The movie reviews, their word order, GLUE and SuperGLUE."""
    return (_reviews(), _word_order(), *glue_specs())


def _reviews() -> TaskSpec:
    return TaskSpec(
        name="reviews",
        summary="Is the snippet of a movie review positive? Shares sentences with 'glue/sst2'.",
        text=("text",),
        labels=("negative", "positive"),
        metric="accuracy",
        load=_load_reviews,
        license="mit",
        prompts=PROMPTS["reviews"],
    )


def _load_reviews(data_dir: Path | None) -> DatasetDict:
    from sinkd_plugin.tasks.reviews import load_reviews

    return load_reviews(data_dir)


def _word_order() -> TaskSpec:
    return TaskSpec(
        name="reviews/word_order",
        summary="Put five words of a movie review back in order: a small generation task.",
        text=("words",),
        labels=(),
        metric="bleu",
        load=_load_word_order,
        kind="generation",
        license="mit",
        prompts=PROMPTS["reviews/word_order"],
    )


def _load_word_order(data_dir: Path | None) -> DatasetDict:
    from sinkd_plugin.tasks.word_order import load_word_order

    return load_word_order(data_dir)
