"""States of a training on the disk: whole, checked, and never fewer than one while a new one is written."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from sinkd_plugin.console import note
from sinkd_plugin.errors import ChecksumError, StorageError
from sinkd_plugin.storage import new_folder, read_json, sha256, storage_errors, write_json
from sinkd_plugin.training.state_tree import joined, split

_STEP = re.compile(r"step-(\d{9})")
_TENSORS, _STATE, _SUMS, _BEST = "state.safetensors", "state.json", "checksums.json", "best.json"


class Checkpoints:
    """The checkpoints of one training in a folder.

    Args:
        folder: Where they lie; need not exist.
        fingerprint: Of everything the training depends on; checkpoints with another one are another training's.
        keep: How many of the last are kept.
    """

    def __init__(self, folder: Path, fingerprint: str, keep: int) -> None:
        self.folder = folder
        self._fingerprint = fingerprint
        self._keep = keep

    def write(self, step: int, state: Mapping[str, Any], facts: Mapping[str, Any]) -> Path:
        """Write the state after a step, and only then remove what is older than the last ``keep``.

        Args:
            step: Optimiser steps taken.
            state: Nested plain data and tensors.
            facts: What ``state.json`` says beside, such as the configuration.

        Raises:
            StorageError: If there is no room; the checkpoints before are untouched.
        """
        plain, tensors = split(dict(state))
        final = self.folder / f"step-{step:09d}"
        with new_folder(final, overwrite=True) as staging:
            save_file(tensors, staging / _TENSORS)
            record = {**facts, "fingerprint": self._fingerprint, "step": step, "state": plain}
            (staging / _STATE).write_text(json.dumps(record), encoding="utf-8")
            sums = {name: sha256(staging / name) for name in (_TENSORS, _STATE)}
            (staging / _SUMS).write_text(json.dumps(sums), encoding="utf-8")
            for path in (*staging.iterdir(), staging):
                _flush(path)
        with storage_errors(final):
            _flush(self.folder)
        self._rotate()
        return final

    def newest(self) -> dict[str, Any] | None:
        """The state of the last checkpoint of this training that is whole; those that are damaged are named."""
        for path in reversed(self._paths()):
            try:
                record = _checked(path)
            except (StorageError, ChecksumError) as error:
                note(f"Checkpoint '{path}' is damaged and not used: {error}")
                continue
            if record["fingerprint"] == self._fingerprint:
                return record
            note(f"Checkpoint '{path}' is of another configuration and not used")
        return None

    def best(self) -> dict[str, Any] | None:
        """Step and score of the best checkpoint so far."""
        path = self.folder / _BEST
        found: dict[str, Any] | None = read_json(path) if path.is_file() else None
        return found if found and found.get("fingerprint") == self._fingerprint else None

    def offer(self, step: int, metric: str, value: float) -> None:
        """Remember a checkpoint as the best if its score on the validation split is higher than any before."""
        best = self.best()
        if best is None or value > best["value"]:
            found = {"fingerprint": self._fingerprint, "step": step, "metric": metric, "value": value}
            write_json(self.folder / _BEST, found)

    def load(self, step: int) -> dict[str, Any]:
        """The state after a step."""
        return _checked(self.folder / f"step-{step:09d}")

    def clear(self) -> None:
        """Remove all of them, because the training starts anew; what else lies there stays."""
        for path in self._paths():
            shutil.rmtree(path, ignore_errors=True)
        (self.folder / _BEST).unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        found: Iterator[Path] = self.folder.iterdir() if self.folder.is_dir() else iter(())
        return sorted(path for path in found if _STEP.fullmatch(path.name))

    def _rotate(self) -> None:
        best = self.best()
        kept = {path.name for path in self._paths()[-self._keep :]} | ({f"step-{best['step']:09d}"} if best else set())
        for path in self._paths():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)


def _checked(folder: Path) -> dict[str, Any]:
    """What a checkpoint holds, compared with its checksums first.

    Raises:
        ChecksumError: If a file is not the one that was written.
        StorageError: If a file cannot be read.
    """
    sums = read_json(folder / _SUMS)
    for name in (_TENSORS, _STATE):
        with storage_errors(folder / name):
            found = sha256(folder / name)
        if found != sums.get(name):
            raise ChecksumError(f"'{name}' must be the file that was written.", received=f"sha256 {found[:12]}…")
    record: dict[str, Any] = read_json(folder / _STATE)
    return {**record, "state": joined(record["state"], load_file(folder / _TENSORS))}


def _flush(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
