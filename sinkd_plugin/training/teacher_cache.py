"""The teacher's rows on the training split, computed once and addressed by example, so that epochs reshuffle."""

from __future__ import annotations

from pathlib import Path

from datasets import Dataset
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from sinkd_plugin.console import note
from sinkd_plugin.specs import Reader
from sinkd_plugin.storage import new_folder
from sinkd_plugin.textbrewer.distiller import Precision
from sinkd_plugin.training.predict import predict_rows
from sinkd_plugin.training.processes import on_first
from sinkd_plugin.training.stage import finished, write_record
from sinkd_plugin.training.teacher_rows import TeacherRows

_FILE = "logits.safetensors"
LARGEST_CACHE = 1 << 30
"""Bytes of logits that are kept in memory and on the disk; beyond, the teacher runs at every step."""


def fits(reader: Reader, examples: Dataset) -> bool:
    """Whether the teacher's rows on a split are few enough to be kept; a line says so where they are not."""
    rows = sum(reader.row_counts(examples))
    size = 4 * rows * len(reader.columns)
    if size > LARGEST_CACHE:
        note(
            f"Teacher's logits: {rows} rows of {len(reader.columns)} would take {size / 2**30:.1f} GiB, more than "
            f"{LARGEST_CACHE / 2**30:.0f}, so the teacher runs at every step"
        )
    return size <= LARGEST_CACHE


def cached_rows(
    folder: Path, expected: str, model: PreTrainedModel, reader: Reader, examples: Dataset, precision: Precision
) -> TeacherRows:
    """The teacher's rows, in the order of ``index``.

    Args:
        folder: Where they are kept.
        expected: Fingerprint of everything they depend on; a folder with another one is replaced.
        model: The teacher.
        reader: Its reader.
        examples: The encoded training split.
        precision: Of the forward pass.
    """
    if finished(folder, expected):
        note("Teacher's logits: taken from an earlier run")
        return TeacherRows(**load_file(folder / _FILE))
    rows = predict_rows(model, reader, examples, what="Teacher's logits", precision=precision)

    def save() -> None:
        with new_folder(folder, overwrite=True) as staging:
            save_file({"logits": rows.logits, "starts": rows.starts}, staging / _FILE)
            write_record(staging, {"fingerprint": expected})

    on_first(save)
    return rows
