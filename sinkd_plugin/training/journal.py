"""``metrics.jsonl``: one line a step, complete lines only."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from sinkd_plugin.storage import storage_errors, write_text
from sinkd_plugin.training import processes


class Journal:
    """Appends records to ``metrics.jsonl`` of a run folder.

    Args:
        folder: The run folder; it must exist.
        students: Names of the run's students; what an earlier run noted of others is dropped.
    """

    def __init__(self, folder: Path, students: Collection[str]) -> None:
        self.folder = folder
        self._path = folder / "metrics.jsonl"
        processes.on_first(lambda: self._keep(lambda name, step: name in students))

    def cut(self, student: str, step: int) -> None:
        """Forget what an interrupted run noted of a student from ``step`` on, because it goes on from there."""
        if processes.rank() == 0:
            self._keep(lambda name, noted: name != student or noted < step)

    def tensorboard(self, student: str) -> Path:
        """Folder of a student's TensorBoard log."""
        return self.folder / "tensorboard" / student

    def write(self, **record: Any) -> None:
        """Append one record; of several processes the first one writes."""
        if processes.rank() != 0:
            return
        with storage_errors(self._path), self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")

    def _keep(self, wanted: Callable[[str, int], bool]) -> None:
        with storage_errors(self._path):
            lines = self._path.read_text(encoding="utf-8").splitlines(keepends=True) if self._path.is_file() else []
        kept = [line for line in lines if line.endswith("\n") and wanted(*_student_and_step(line))]
        if kept != lines or not self._path.is_file():
            write_text(self._path, "".join(kept))


def _student_and_step(line: str) -> tuple[str, int]:
    try:
        record = json.loads(line)
        return str(record["student"]), int(record["step"])
    except (ValueError, KeyError, TypeError):
        return "", 0  # no record of ours, and of no student
