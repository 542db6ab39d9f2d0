"""The teacher's rows on the training split, computed once and addressed by example, so that epochs reshuffle."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from sinkd_plugin.console import note
from sinkd_plugin.errors import UserError
from sinkd_plugin.specs import Reader
from sinkd_plugin.storage import locked, new_folder, read_json, sha256
from sinkd_plugin.textbrewer.distiller import Precision
from sinkd_plugin.training.fingerprint import fingerprint, versions
from sinkd_plugin.training.predict import predict_rows
from sinkd_plugin.training.processes import on_first
from sinkd_plugin.training.stage import RECORD, finished, write_record
from sinkd_plugin.training.teacher_rows import RowForm, TeacherRows

_FILE = "logits.safetensors"
LARGEST_CACHE = 1 << 30
"""Bytes of logits that are kept in memory and on the disk; beyond, the teacher runs at every step."""


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Where rows are kept, and what they depend on.

    Args:
        place: A folder for these rows and no others; a ``shared`` one is for those of any teachers.
        shared: Whether rows lie in ``place`` under a name made of what they depend on.
        depends_on: Everything that the rows depend on, by name; JSON-compatible.
    """

    place: Path
    shared: bool
    depends_on: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """Of everything the rows depend on."""
        return fingerprint(**self.depends_on)

    @property
    def folder(self) -> Path:
        """Where these rows lie."""
        return self.place / self.fingerprint[:16] if self.shared else self.place


def fits(reader: Reader, examples: Dataset, form: RowForm) -> bool:
    """Whether the teacher's rows on a split are few enough to be kept; a line says so where they are not."""
    rows = sum(reader.row_counts(examples))
    size = rows * form.row_bytes(len(reader.columns))
    if size > LARGEST_CACHE:
        note(
            f"Teacher's logits: {rows} rows of {len(reader.columns)} would take {size / 2**30:.1f} GiB, more than "
            f"{LARGEST_CACHE / 2**30:.0f}, so the teacher runs at every step (training.teacher_top_k keeps fewer)"
        )
    return size <= LARGEST_CACHE


def cached_rows(
    cache: Cache, model: PreTrainedModel, reader: Reader, examples: Dataset, precision: Precision, form: RowForm
) -> TeacherRows:
    """The teacher's rows, in the order of ``index``; mapped into memory where they come from an earlier run.

    Of several processes that ask at once, also of different runs, one lets the teacher speak while the others wait.

    Args:
        cache: Where they are kept; a run's own folder that holds other rows gives them up, with the reason.
        model: The teacher.
        reader: Its reader.
        examples: The encoded training split.
        precision: Of the forward pass.
        form: What of a row is kept.

    Raises:
        UserError: If the folder holds something that no run has made, or, where it is shared, other rows than its name
            says.
    """
    folder, expected = cache.folder, cache.fingerprint
    with ExitStack() as held:
        on_first(lambda: held.enter_context(locked(folder)))
        on_first(lambda: _check_own(folder))
        on_first(lambda: _tell_of_others(cache))
        stage = finished(folder, expected)
        if stage is not None and on_first(lambda: _is_whole(folder, stage.record)):
            note(f"Teacher's logits: taken from {folder}")
            return TeacherRows.from_tensors(load_file(folder / _FILE))
        size = form.row_bytes(len(reader.columns)) * sum(reader.row_counts(examples)) / len(examples)
        note(f"Teacher's logits: {size:.0f} bytes an example")
        rows = predict_rows(model, reader, examples, what="Teacher's logits", precision=precision, form=form)
        on_first(lambda: _save(cache, rows))
        return rows


def _save(cache: Cache, rows: TeacherRows) -> None:
    with new_folder(cache.folder, overwrite=True) as staging:
        save_file(rows.as_tensors(), staging / _FILE)
        write_record(
            staging,
            {
                "fingerprint": cache.fingerprint,
                "sha256": sha256(staging / _FILE),
                "depends_on": {**cache.depends_on, "versions": versions()},
            },
        )


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


def _tell_of_others(cache: Cache) -> None:
    """Say why rows that are there are not those that are wanted.

    Raises:
        UserError: If they lie where the wanted ones would in a shared folder.
    """
    here = _differences(cache.folder, cache)
    if here is not None and not here:
        return
    if here and cache.shared:
        raise UserError(
            "A teacher cache must hold what its name says.",
            received=f"'{cache.folder}' with the logits of another {_listed(here)}",
            cure="Remove that folder.",
        )
    places = sorted(cache.place.glob("[!.]*")) if cache.shared else [cache.place]
    others = {place: found for place in places if (found := _differences(place, cache))}
    if others:
        nearest = min(others, key=lambda place: len(others[place]))
        note(f"Teacher's logits: those in {nearest} are not used, being of another {_listed(others[nearest])}")


def _differences(place: Path, cache: Cache) -> list[str] | None:
    """In what the rows at a place differ from those that are wanted; ``None`` where there are none."""
    if not (place / RECORD).is_file():
        return None
    record = read_json(place / RECORD)
    if record.get("fingerprint") == cache.fingerprint:
        return []
    wanted, found = {**cache.depends_on, "versions": versions()}, record.get("depends_on", {})
    return [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)] or ["version"]


def _listed(names: list[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)
