"""The teacher's rows on the training split, computed once and addressed by example, so that epochs reshuffle."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from datasets import Dataset
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from sinkd_plugin.console import note
from sinkd_plugin.errors import UserError
from sinkd_plugin.specs import Reader
from sinkd_plugin.storage import locked, new_folder, sha256
from sinkd_plugin.textbrewer.distiller import Precision
from sinkd_plugin.training.predict import predict_rows
from sinkd_plugin.training.processes import on_first
from sinkd_plugin.training.stage import RECORD, finished, write_record
from sinkd_plugin.training.teacher_rows import TeacherRows, kept_as

_FILE = "logits.safetensors"
LARGEST_CACHE = 1 << 30
"""Bytes of logits that are kept in memory and on the disk; beyond, the teacher runs at every step."""


def row_bytes(reader: Reader) -> int:
    """Bytes that one row takes."""
    columns = len(reader.columns)
    return columns * kept_as(columns).itemsize


def fits(reader: Reader, examples: Dataset) -> bool:
    """Whether the teacher's rows on a split are few enough to be kept; a line says so where they are not."""
    rows = sum(reader.row_counts(examples))
    size = rows * row_bytes(reader)
    if size > LARGEST_CACHE:
        note(
            f"Teacher's logits: {rows} rows of {len(reader.columns)} would take {size / 2**30:.1f} GiB, more than "
            f"{LARGEST_CACHE / 2**30:.0f}, so the teacher runs at every step"
        )
    return size <= LARGEST_CACHE


def cached_rows(
    folder: Path, expected: str, model: PreTrainedModel, reader: Reader, examples: Dataset, precision: Precision
) -> TeacherRows:
    """The teacher's rows, in the order of ``index``; mapped into memory where they come from an earlier run.

    Of several processes that ask at once, also of different runs, one lets the teacher speak while the others wait.

    Args:
        folder: Where they are kept; one that holds another teacher's is replaced.
        expected: Fingerprint of everything they depend on.
        model: The teacher.
        reader: Its reader.
        examples: The encoded training split.
        precision: Of the forward pass.

    Raises:
        UserError: If ``folder`` holds something that no run has made.
    """
    with ExitStack() as held:
        on_first(lambda: held.enter_context(locked(folder)))
        on_first(lambda: _check_own(folder))
        stage = finished(folder, expected)
        if stage is not None and on_first(lambda: _is_whole(folder, stage.record)):
            note(f"Teacher's logits: taken from {folder}")
            return TeacherRows(**load_file(folder / _FILE))
        size = row_bytes(reader) * sum(reader.row_counts(examples)) / len(examples)
        note(f"Teacher's logits: {size:.0f} bytes an example")
        rows = predict_rows(model, reader, examples, what="Teacher's logits", precision=precision)
        on_first(lambda: _save(folder, expected, rows))
        return rows


def _save(folder: Path, expected: str, rows: TeacherRows) -> None:
    with new_folder(folder, overwrite=True) as staging:
        save_file({"logits": rows.logits, "starts": rows.starts}, staging / _FILE)
        write_record(staging, {"fingerprint": expected, "sha256": sha256(staging / _FILE)})


def _is_whole(folder: Path, record: Mapping[str, Any]) -> bool:
    """Whether the file is the one that was written; a line says so where it is not."""
    whole = (folder / _FILE).is_file() and sha256(folder / _FILE) == record.get("sha256")
    if not whole:
        note(f"Teacher's logits: '{folder / _FILE}' is not the file that was written, so they are computed again")
    return whole


def _check_own(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()) and not (folder / RECORD).is_file():
        raise UserError(
            "A teacher cache must not replace what no run has made.",
            received=f"'{folder}'",
            cure="Choose another training.teacher_cache.",
        )
