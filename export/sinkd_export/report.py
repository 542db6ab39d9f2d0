"""``export.json``: what was exported from what, proven how, and the sha256 of every file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sinkd_export.parity import Parity
from sinkd_plugin.storage import sha256

REPORT_NAME = "export.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """A file of the export."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """The report of one export.

    Args:
        schema_version: Version of this record.
        target: Name of the export target.
        opset: Version of the ONNX operator set, if the target has one.
        source: The model, as the user named it.
        source_weights: sha256 of its weight files.
        labels: Label names in the order of the logits.
        max_length: Most tokens of one input.
        sentences: Where the sentences of the parity come from.
        sentence_count: How many there were.
        parity: Differences from PyTorch, with the gate.
        versions: Versions of the packages involved.
        files: Every other file in the folder.
    """

    schema_version: int
    target: str
    opset: int | None
    source: str
    source_weights: Mapping[str, str]
    labels: tuple[str, ...]
    max_length: int
    sentences: str
    sentence_count: int
    parity: Parity
    versions: Mapping[str, str]
    files: Mapping[str, FileRecord]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def file_records(folder: Path) -> dict[str, FileRecord]:
    """sha256 and size of every file in a folder, by its relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != REPORT_NAME)
    return {
        path.relative_to(folder).as_posix(): FileRecord(sha256=sha256(path), size_bytes=path.stat().st_size)
        for path in files
    }
