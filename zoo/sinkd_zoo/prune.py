"""Remove from the cache what is no longer needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sinkd_plugin.errors import unknown_name
from sinkd_plugin.staging import file_lock, left_behind, remove, staging_name, sweep_one
from sinkd_plugin.storage import storage_errors
from sinkd_plugin.zoo_cache import CARD, CachedStudent, cached_students, zoo_folder
from sinkd_plugin.zoo_offers import parted
from sinkd_zoo.parts import PARTS


@dataclass(frozen=True, kw_only=True)
class Removed:
    """Something that was removed, or would be.

    Args:
        path: Where it lies.
        size: Its bytes.
        reason: Why.
    """

    path: Path
    size: int
    reason: str


def prune(names: Sequence[str], *, everything: bool, dry_run: bool) -> list[Removed]:
    """Remove students, and what interrupted downloads left; nothing that another process holds.

    Args:
        names: ``NAME`` or ``NAME@REVISION`` each; none: the revisions that a newer one has replaced.
        everything: Every student.
        dry_run: Only tell.

    Raises:
        UnknownNameError: If no cached student has one of the names.
        StorageError: If something cannot be removed.
    """
    students = cached_students()
    chosen = students if everything else _named(names, students) if names else _replaced(students)
    reason = "asked for" if everything or names else "a newer revision is cached"
    found = [*_litter(), *(Removed(path=each.entry, size=_size(each.entry), reason=reason) for each in chosen)]
    return [each for each in found if dry_run or _remove(each.path)]


def _named(names: Sequence[str], students: Sequence[CachedStudent]) -> list[CachedStudent]:
    chosen: list[CachedStudent] = []
    for name in names:
        plain, revision = parted(name)
        matching = [each for each in students if each.card.name == plain and revision in (None, each.card.revision)]
        if not matching:
            known = {f"{each.card.name}@{each.card.revision}" if revision else each.card.name for each in students}
            raise unknown_name("student in the cache", name, known)
        chosen += [each for each in matching if each not in chosen]
    return chosen


def _replaced(students: Sequence[CachedStudent]) -> list[CachedStudent]:
    newest: dict[tuple[str, str], CachedStudent] = {}
    for student in sorted(students, key=lambda each: (each.entry / CARD).stat().st_mtime_ns):
        newest[student.source, student.card.name] = student
    return [student for student in students if student not in newest.values()]


def _litter() -> Iterator[Removed]:
    for part in sorted((zoo_folder() / PARTS).glob("*.part")):
        yield Removed(path=part, size=_size(part), reason="an interrupted download")
    for path in left_behind("*", zoo_folder()):
        yield Removed(path=path, size=_size(path), reason="left by a process that was killed")


def _remove(path: Path) -> bool:
    """Whether it could be removed; a reader sees it whole or not at all."""
    with storage_errors(path):
        if path.name.startswith("."):
            sweep_one(path)
            return not path.exists()
        with _held(path) as is_ours:
            if is_ours:
                with staging_name(path) as away:
                    path.rename(away)
                    remove(away)
            return is_ours


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    from filelock import Timeout

    try:
        lock = file_lock(path.with_name(f".{path.name}.lock")).acquire(blocking=False)
    except Timeout:
        yield False
        return
    with lock:
        yield True


def _size(path: Path) -> int:
    return sum(each.lstat().st_size for each in (path, *path.rglob("*")) if each.is_symlink() or not each.is_dir())
