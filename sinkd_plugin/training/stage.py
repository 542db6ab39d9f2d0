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
from sinkd_plugin.tasks.kinds import Kind
from sinkd_plugin.tasks.load import LoadedTask
from sinkd_plugin.training.processes import on_first
from sinkd_plugin.training.scoring import score_split

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

    def predictions(self, split: str) -> list[Any]:
        """Its answer to each example of a test split, in the split's order."""
        return list(self.record["predictions"][split])

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
    record = on_first(lambda: _finished_record(folder, expected, provenance or {}))
    return None if record is None else Stage(folder=folder, record=record)


def _finished_record(folder: Path, expected: str, provenance: Mapping[str, Any]) -> dict[str, Any] | None:
    if not (folder / RECORD).is_file():
        return None
    record: dict[str, Any] = read_json(folder / RECORD)
    if record.get("fingerprint") != expected:
        return None
    renewed = {**record, **provenance}
    if renewed != record:
        write_record(folder, renewed)
    return renewed


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write ``sinkd.json``."""
    write_json(folder / RECORD, record)


def encoded_tests(task: LoadedTask, reader: Reader) -> dict[str, Dataset]:
    """The splits that models of a task are scored on, encoded: ``test``, and further ones.

    Where texts are to be written they have a column ``target`` with the texts themselves, which tokens may have cut.
    """
    return {name: encoded_to_score(task, reader, name) for name in ("test", *task.further_tests)}


def encoded_to_score(task: LoadedTask, reader: Reader, split: str) -> Dataset:
    """One split, encoded so that a model's answers can be scored."""
    encoded = reader.encode(task.splits[split])
    if task.spec.kind != "generation":
        return encoded
    return encoded.add_column("target", list(task.splits[split]["target"][:]))


def evaluated(
    kind: Kind,
    model: PreTrainedModel,
    reader: Reader,
    tests: Mapping[str, Dataset],
    *,
    what: str,
    against: Stage | None = None,
    beams: int = 1,
) -> dict[str, Any]:
    """Scores of a model on the encoded test splits, as they go into ``sinkd.json``.

    Args:
        kind: Of the task.
        model: On its device; computed in float32, as it will be exported.
        reader: Its reader.
        tests: The encoded split ``test``, and perhaps further ones.
        what: The model's name for the progress bar.
        against: The teacher, to tell how often they agree.
        beams: Of the texts that a generative model writes.

    Returns:
        ``scores`` (``test``, ``interval``, ``n``, perhaps ``agreement_with_teacher``, and perhaps ``further``, the same
        by the name of each further split), ``predictions`` by split, and ``parameters``.
    """
    found = {
        name: score_split(
            kind,
            model,
            reader,
            examples,
            what=f"Scoring {what}",
            against=against.predictions(name) if against else None,
        )
        for name, examples in tests.items()
    }
    further = {name: split.figures for name, split in found.items() if name != "test"}
    return {
        "scores": {**found["test"].figures, **({"further": further} if further else {})},
        "predictions": {name: split.predictions for name, split in found.items()},
        "parameters": sum(weight.numel() for weight in model.parameters()),
    }
