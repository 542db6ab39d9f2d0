"""What the cells of a study have come to: one folder, shared by any number of processes and machines."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from sinkd_plugin.storage import new_folder, read_json, write_json
from sinkd_plugin.study.cells import Cell
from sinkd_plugin.training.run_folder import LOGITS_FOLDER, STUDENT_FOLDER, TEACHER_FOLDER

_SHARED_STAGES = (TEACHER_FOLDER, LOGITS_FOLDER)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a cell has come to.

    Args:
        status: ``done``, or ``failed``, which the report shows.
        result: The run's ``result.json``, if it is done.
        error: What went wrong, if it failed.
        seconds: How long the run took.
        config: The run's whole configuration, defaults included.
    """

    status: Literal["done", "failed"]
    result: dict[str, Any] | None = None
    error: str | None = None
    seconds: float
    config: dict[str, Any]


class Store:
    """The folder of a study's runs.

    ``outcomes/KEY.json`` is written when a cell has ended, ``runs/KEY`` holds its run meanwhile, ``teachers/KEY`` the
    teacher and its logits for all cells that share them, and ``locks`` who is at what.

    Args:
        folder: The study's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def outcome(self, cell: Cell) -> Outcome | None:
        """What the cell has come to; ``None`` if it has not ended, or if it would be another run by now.

        It would be where a default has changed. Keys that were added since are at their defaults, and do not count.
        """
        path = self._outcome_path(cell)
        if not path.is_file():
            return None
        found = Outcome(**read_json(path))
        return found if _still_holds(found.config, cell.resolved) else None

    def finish(self, cell: Cell, outcome: Outcome) -> None:
        """Keep what the cell has come to."""
        write_json(self._outcome_path(cell), vars(outcome))

    def forget(self, cell: Cell) -> None:
        """Let a cell be run again."""
        self._outcome_path(cell).unlink(missing_ok=True)

    def run_folder(self, cell: Cell) -> Path:
        """Where the cell's run is made."""
        return self._folder / "runs" / cell.key

    def drop_run(self, cell: Cell) -> None:
        """Remove the run of a cell whose outcome is kept."""
        shutil.rmtree(self.run_folder(cell), ignore_errors=True)

    def keep_student(self, cell: Cell) -> None:
        """Keep the student of a cell beyond its run, for export and timing."""
        with new_folder(self._folder / "students" / cell.task / cell.pair / cell.method, overwrite=True) as staging:
            _link_files(self.run_folder(cell) / STUDENT_FOLDER, staging)

    @contextmanager
    def claimed(self, cell: Cell) -> Iterator[bool]:
        """Claim a cell, and its teacher if nobody has made it yet; ``False`` if another process has either."""
        with self._held(cell.key) as own:
            if not own or self.has_teacher(cell):
                yield own
                return
            with self._held(f"teacher-{cell.teacher_key}") as both:
                yield both

    def has_teacher(self, cell: Cell) -> bool:
        """Whether the cell's teacher is there to be shared."""
        return self._teacher_folder(cell).is_dir()

    def lend_teacher(self, cell: Cell) -> None:
        """Give the cell's run the teacher that another cell has made; the run checks that it is the right one."""
        for stage in _SHARED_STAGES:
            kept, wanted = self._teacher_folder(cell) / stage, self.run_folder(cell) / stage
            if kept.is_dir() and not wanted.exists():
                with new_folder(wanted) as staging:
                    _link_files(kept, staging)

    def keep_teacher(self, cell: Cell) -> None:
        """Share the teacher that the cell's run has made."""
        if self.has_teacher(cell):
            return
        with new_folder(self._teacher_folder(cell), overwrite=True) as staging:
            for stage in _SHARED_STAGES:
                if (self.run_folder(cell) / stage).is_dir():
                    (staging / stage).mkdir()
                    _link_files(self.run_folder(cell) / stage, staging / stage)

    def _outcome_path(self, cell: Cell) -> Path:
        return self._folder / "outcomes" / f"{cell.key}.json"

    def _teacher_folder(self, cell: Cell) -> Path:
        return self._folder / "teachers" / cell.teacher_key

    @contextmanager
    def _held(self, name: str) -> Iterator[bool]:
        locks = self._folder / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(locks / f"{name}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


def _still_holds(recorded: Any, now: Any) -> bool:
    """Whether every recorded key has the same value now."""
    if isinstance(recorded, Mapping) and isinstance(now, Mapping):
        return all(key in now and _still_holds(value, now[key]) for key, value in recorded.items())
    return bool(recorded == now)


def _link_files(source: Path, target: Path) -> None:
    """The same files in another folder, without their bytes where the file system can share them."""
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir(exist_ok=True)
            continue
        try:
            os.link(path, copy)
        except OSError:
            shutil.copy2(path, copy)
