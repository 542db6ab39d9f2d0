"""A model's answers on an encoded split, and how good they are, by the kind of the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasets import Dataset
from transformers import PreTrainedModel

from sinkd_plugin.specs import Decoding, Reader
from sinkd_plugin.tasks.kinds import Kind
from sinkd_plugin.tasks.metrics import agreement, score
from sinkd_plugin.tasks.number_metrics import score_numbers
from sinkd_plugin.tasks.text_metrics import score_texts
from sinkd_plugin.training.predict import predict_scores
from sinkd_plugin.training.writing import write_split, writer_of


@dataclass(frozen=True, kw_only=True)
class SplitScores:
    """What a model answers on one split.

    Args:
        figures: Its part of ``result.json``: ``test`` (each metric), ``interval``, ``n``, and perhaps
            ``agreement_with_teacher``.
        predictions: Its answer to each example, in the order of the split.
    """

    figures: dict[str, Any]
    predictions: list[Any]


def score_split(
    kind: Kind,
    model: PreTrainedModel,
    reader: Reader,
    examples: Dataset,
    *,
    what: str,
    against: Sequence[Any] | None = None,
    beams: int = 1,
) -> SplitScores:
    """Let a model answer every example of a split, and score its answers.

    Args:
        kind: Of the task.
        model: On its device; computed in float32, as it will be exported.
        reader: Its reader.
        examples: An encoded split; of ``encoded_tests``.
        what: Description for the progress bar.
        against: The teacher's answers, to tell how often they agree; not for regression.
        beams: Of the texts that a generative model writes.
    """
    if kind == "generation":
        return _written(model, reader, examples, what, against, beams)
    if kind == "regression":
        return _measured(model, reader, examples, what)
    return _classified(model, reader, examples, what, against)


def _classified(
    model: PreTrainedModel, reader: Reader, examples: Dataset, what: str, against: Sequence[Any] | None
) -> SplitScores:
    label_scores = predict_scores(model, reader, examples, what=what)
    predictions = label_scores.argmax(-1).tolist()
    figures = _figures(score(examples["label"][:], predictions, label_scores.shape[-1]).as_json())
    return _compared(figures, predictions, against)


def _measured(model: PreTrainedModel, reader: Reader, examples: Dataset, what: str) -> SplitScores:
    predictions = predict_scores(model, reader, examples, what=what).squeeze(-1).tolist()
    return SplitScores(figures=_figures(score_numbers(examples["label"][:], predictions)), predictions=predictions)


def _written(
    model: PreTrainedModel, reader: Reader, examples: Dataset, what: str, against: Sequence[Any] | None, beams: int
) -> SplitScores:
    writer = writer_of(reader)
    written = write_split(model, writer, examples, Decoding(beams=beams), seed=0, what=what)
    texts = [writer.text(tokens) for (tokens,) in written]
    return _compared(_figures(score_texts(list(examples["target"][:]), texts)), texts, against)


def _figures(found: Mapping[str, Any]) -> dict[str, Any]:
    metrics = {name: value for name, value in found.items() if name not in ("n", "interval")}
    return {"test": metrics, "interval": found["interval"], "n": found["n"]}


def _compared(figures: dict[str, Any], answers: list[Any], against: Sequence[Any] | None) -> SplitScores:
    if against is not None:
        figures["agreement_with_teacher"] = agreement(answers, list(against))
    return SplitScores(figures=figures, predictions=answers)
