"""A model's answers on an encoded split, and how good they are, by the kind of the task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datasets import Dataset
from transformers import PreTrainedModel

from sinkd_plugin.specs import Reader
from sinkd_plugin.tasks.kinds import Kind
from sinkd_plugin.tasks.metrics import agreement, score
from sinkd_plugin.tasks.number_metrics import score_numbers
from sinkd_plugin.training.predict import predict_scores


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
) -> SplitScores:
    """Let a model answer every example of a split, and score its answers.

    Args:
        kind: Of the task.
        model: On its device; computed in float32, as it will be exported.
        reader: Its reader.
        examples: An encoded split.
        what: Description for the progress bar.
        against: The teacher's answers, to tell how often they agree; for classification.
    """
    return _SCORERS[kind](model, reader, examples, what, against)


def _classified(
    model: PreTrainedModel, reader: Reader, examples: Dataset, what: str, against: Sequence[Any] | None
) -> SplitScores:
    label_scores = predict_scores(model, reader, examples, what=what)
    predictions = label_scores.argmax(-1).tolist()
    figures = _figures(score(examples["label"], predictions, label_scores.shape[-1]).as_json())
    if against is not None:
        figures["agreement_with_teacher"] = agreement(predictions, list(against))
    return SplitScores(figures=figures, predictions=predictions)


def _measured(
    model: PreTrainedModel, reader: Reader, examples: Dataset, what: str, against: Sequence[Any] | None
) -> SplitScores:
    predictions = predict_scores(model, reader, examples, what=what).squeeze(-1).tolist()
    return SplitScores(figures=_figures(score_numbers(examples["label"], predictions)), predictions=predictions)


def _figures(found: Mapping[str, Any]) -> dict[str, Any]:
    metrics = {name: value for name, value in found.items() if name not in ("n", "interval")}
    return {"test": metrics, "interval": found["interval"], "n": found["n"]}


_SCORERS: dict[Kind, Callable[[PreTrainedModel, Reader, Dataset, str, Sequence[Any] | None], SplitScores]] = {
    "classification": _classified,
    "regression": _measured,
}
