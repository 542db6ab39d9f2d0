"""A finished stage of a run: a folder whose ``sinkd.json`` tells what it is, how it scored, and on what it depends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PreTrainedModel

from sinkd_plugin.specs import Reader
from sinkd_plugin.storage import read_json, write_json
from sinkd_plugin.tasks.metrics import agreement, score
from sinkd_plugin.training.predict import predict_scores

RECORD = "sinkd.json"
"""In every folder that a run makes; the exporter and ``sinkd evaluate`` read the task from it."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A finished stage.

    Args:
        folder: Where it lies.
        record: What its ``sinkd.json`` holds.
    """

    folder: Path
    record: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        """Of everything it depends on."""
        return str(self.record["fingerprint"])

    @property
    def predictions(self) -> list[int]:
        """Predicted label numbers on the test split, in its order."""
        return list(self.record["test_predictions"])

    def report(self) -> dict[str, Any]:
        """Its part of ``result.json``."""
        return {**self.record["scores"], "parameters": self.record["parameters"], "folder": str(self.folder)}


def finished(folder: Path, expected: str, provenance: Mapping[str, Any] | None = None) -> Stage | None:
    """The stage in ``folder`` if it is finished and has this fingerprint.

    Args:
        folder: Where it would lie.
        expected: Its fingerprint.
        provenance: What its record should say of its making; a record that says otherwise, because the same data
            has moved, is written anew.
    """
    if not (folder / RECORD).is_file():
        return None
    record = read_json(folder / RECORD)
    if record.get("fingerprint") != expected:
        return None
    renewed = {**record, **(provenance or {})}
    if renewed != record:
        write_record(folder, renewed)
    return Stage(folder=folder, record=renewed)


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write ``sinkd.json``."""
    write_json(folder / RECORD, record)


def evaluated(
    model: PreTrainedModel,
    reader: Reader,
    test: Dataset,
    *,
    what: str,
    against: list[int] | None = None,
) -> dict[str, Any]:
    """Scores of a model on the encoded test split, as they go into ``sinkd.json``.

    Args:
        model: On its device; computed in float32, as it will be exported.
        reader: Its reader.
        test: The encoded split.
        what: The model's name for the progress bar.
        against: The teacher's predictions, to tell how often they agree.

    Returns:
        ``scores`` (``test``, ``interval``, ``n``, perhaps ``agreement_with_teacher``), ``test_predictions`` and
        ``parameters``.
    """
    label_scores = predict_scores(model, reader, test, what=f"Scoring {what}")
    predictions = label_scores.argmax(-1).tolist()
    found = score(test["label"], predictions, label_scores.shape[-1]).as_json()
    scores = {
        "test": {name: value for name, value in found.items() if name not in ("n", "interval")},
        "interval": found["interval"],
        "n": found["n"],
    }
    if against is not None:
        scores["agreement_with_teacher"] = agreement(predictions, against)
    return {
        "scores": scores,
        "test_predictions": predictions,
        "parameters": sum(weight.numel() for weight in model.parameters()),
    }
