"""``export.json``: what was exported from what, proven how, and the sha256 of every file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sinkd_export.convert.recipe import Precision
from sinkd_export.destination import REPORT_NAME
from sinkd_export.families import Form
from sinkd_export.layout import Layout
from sinkd_export.prove.parity import Parity
from sinkd_export.prove.price import Price
from sinkd_export.prove.proof import VariantRecord
from sinkd_plugin.storage import sha256

__all__ = [
    "REPORT_NAME",
    "SCHEMA_VERSION",
    "ExportReport",
    "FileRecord",
    "TrialRecord",
    "file_records",
]

SCHEMA_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """A file of the export."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """The labelled examples that every variant was scored on.

    Args:
        task: Name of the task.
        metric: Its headline metric.
        split: The split.
        n: Number of examples.
        max_length: Tokens that a text was cut to, as ``sinkd_export.runtime`` cuts it.
        prompt: What a generative model was asked about each.
    """

    task: str
    metric: str
    split: str
    n: int
    max_length: int
    prompt: str | None


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """The report of one export.

    Args:
        schema_version: Version of this record.
        target: Name of the export target.
        form: What it computes.
        recipe: How its graphs were made; ``None`` for a target that makes no graphs.
        layout: Where its graphs lie.
        opset: Version of the ONNX operator set, if the target has one.
        precision: Of the weights that are shipped, if the target makes graphs.
        source: The model, as the user named it.
        source_weights: sha256 of its weight files.
        labels: Label names in the order of the logits.
        max_length: Most tokens of one input.
        sentences: Where the sentences of the parity come from.
        sentence_count: How many there were.
        parity: Differences of the finished folder from PyTorch, with the gate.
        trial: What the variants were scored on, if they were.
        variants: PyTorch, and every form of the model that was made, shipped or not.
        price: What the lower precision costs, if one was asked for.
        versions: Versions of the packages involved.
        files: Every other file in the folder.
    """

    schema_version: int
    target: str
    form: Form
    recipe: Mapping[str, Any] | None
    layout: Layout
    opset: int | None
    precision: Precision | None
    source: str
    source_weights: Mapping[str, str]
    labels: tuple[str, ...]
    max_length: int
    sentences: str
    sentence_count: int
    parity: Parity
    trial: TrialRecord | None
    variants: tuple[VariantRecord, ...]
    price: Price | None
    versions: Mapping[str, str]
    files: Mapping[str, FileRecord] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        data: dict[str, Any] = _finite(asdict(self))
        return data


def file_records(folder: Path) -> dict[str, FileRecord]:
    """sha256 and size of every file in a folder, by its relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != REPORT_NAME)
    return {
        path.relative_to(folder).as_posix(): FileRecord(sha256=sha256(path), size_bytes=path.stat().st_size)
        for path in files
    }


def _finite(data: Any) -> Any:
    """JSON has no infinity: a difference of a variant that was refused for it is null."""
    if isinstance(data, dict):
        return {name: _finite(value) for name, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and data in (float("inf"), float("-inf")) else data
