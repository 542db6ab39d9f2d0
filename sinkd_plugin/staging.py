"""Temporary names beside a final one, each locked while its process lives: what a killed process left is known."""

from __future__ import annotations

import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

_SUFFIX = ".partial.lock"
_LOCK = re.compile(r"\.(?P<final>.+)\.[0-9a-f]{8}" + re.escape(_SUFFIX))


@contextmanager
def staging_name(final: Path) -> Iterator[Path]:
    """A free name beside ``final`` to write under; what lies there at the end is removed.

    What processes that were killed have left of ``final`` goes first.

    Args:
        final: The file or folder to appear; its folder must exist.
    """
    sweep(final)
    staging = final.with_name(f".{final.name}.{secrets.token_hex(4)}.partial")
    lock = file_lock(_lock_of(staging))
    with lock:
        try:
            yield staging
        finally:
            remove(staging)
            _lock_of(staging).unlink(missing_ok=True)


def previous_name(staging: Path) -> Path:
    """Where what ``final`` was waits while it is replaced by ``staging``."""
    return staging.with_suffix(".previous")


def sweep(final: Path) -> None:
    """Remove what killed processes left while they wrote ``final``; put back what one had already moved aside."""
    for lock in final.parent.glob(f".*{_SUFFIX}"):
        match = _LOCK.fullmatch(lock.name)
        if match and match["final"] == final.name:
            sweep_one(_staging_of(lock))


def left_behind(folders: str, below: Path) -> list[Path]:
    """The temporary names that killed processes have left in the folders below ``below`` that the pattern fits."""
    names = (_staging_of(lock) for lock in below.glob(f"{folders}/.*{_SUFFIX}") if _LOCK.fullmatch(lock.name))
    return sorted(name for name in names if _is_free(name))


def sweep_one(staging: Path) -> None:
    """Remove a temporary name and what it was to replace, unless its process lives."""
    from filelock import Timeout

    lock = _lock_of(staging)
    match = _LOCK.fullmatch(lock.name)
    try:
        with file_lock(lock).acquire(blocking=False):
            previous = previous_name(staging)
            final = staging.with_name(match["final"]) if match else staging
            if previous.exists() and not final.exists():
                previous.rename(final)
            remove(previous)
            remove(staging)
            lock.unlink(missing_ok=True)
    except Timeout:
        return  # its process lives
    except OSError:
        return  # another user's, or just gone: litter is no reason to fail


def file_lock(path: Path) -> BaseFileLock:
    """A lock on the file ``path``, which whoever may write its folder may take, as the umask has it."""
    from filelock import FileLock  # slow to import, and most commands write nothing

    path.touch()
    return FileLock(path, mode=stat.S_IMODE(path.stat().st_mode))


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder with all that it holds, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_free(staging: Path) -> bool:
    from filelock import Timeout

    try:
        with file_lock(_lock_of(staging)).acquire(blocking=False):
            return True
    except (Timeout, OSError):
        return False


def _lock_of(staging: Path) -> Path:
    return staging.with_name(f"{staging.name}.lock")


def _staging_of(lock: Path) -> Path:
    return lock.with_name(lock.name.removesuffix(".lock"))
