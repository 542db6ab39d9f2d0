"""Files and folders that appear under their final name complete, or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs

from sinkd_plugin.errors import SinkdError, StorageError, UserError
from sinkd_plugin.staging import file_lock, previous_name, remove, staging_name


def cache_folder() -> Path:
    """Where downloads and prepared data are kept: ``$SINKD_HOME``, or the user's cache folder."""
    home = os.environ.get("SINKD_HOME")
    return Path(home).expanduser() if home else Path(platformdirs.user_cache_dir("sinkd"))


@contextmanager
def new_folder(final: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Fill a folder beside ``final`` and rename it on success; on any failure nothing is left behind.

    What a killed process leaves is removed by whoever writes ``final`` next.

    Args:
        final: The folder to appear.
        overwrite: Replace a folder that is there; without it, one that is there is an error.

    Raises:
        UserError: If ``final`` exists and ``overwrite`` is off.
        StorageError: If the disk is full or not writable.
    """
    if not overwrite:
        refuse_occupied(final)
    with storage_errors(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        with staging_name(final) as staging:
            staging.mkdir()
            yield staging
            _let_others_read(staging)
            _replace_folder(staging, final)


def is_occupied(folder: Path) -> bool:
    """Whether something lies under this name, an empty folder aside."""
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def refuse_occupied(folder: Path) -> None:
    """Accept a name for a new folder.

    Raises:
        UserError: If something lies there.
    """
    if is_occupied(folder):
        raise UserError("The target must not exist yet.", received=str(folder), cure="Choose another, or pass --force.")


def _let_others_read(staging: Path) -> None:
    """Give everything the mode that the umask has for it; the files that safetensors writes are their maker's alone."""
    mode = stat.S_IMODE(staging.stat().st_mode)
    for path in staging.rglob("*"):
        if not path.is_symlink():
            path.chmod(mode if path.is_dir() else mode & 0o666)


def _replace_folder(staging: Path, final: Path) -> None:
    if not final.exists():
        staging.rename(final)
        return
    previous = previous_name(staging)
    final.rename(previous)
    try:
        staging.rename(final)
    except OSError:
        previous.rename(final)
        raise
    remove(previous)


@contextmanager
def new_file(final: Path) -> Iterator[Path]:
    """Write a file beside ``final`` and rename it over ``final`` on success.

    Raises:
        StorageError: If the disk is full or not writable.
    """
    with storage_errors(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        with staging_name(final) as staging:
            staging.touch()
            mode = stat.S_IMODE(staging.stat().st_mode)
            yield staging
            staging.chmod(mode)
            staging.replace(final)


def check_writable(path: Path) -> None:
    """Check now that a file can be written that takes long to make.

    Raises:
        StorageError: If it is a folder, or lies where nothing can be written.
    """
    if path.is_dir():
        raise StorageError("A file to write must not be a folder.", received=f"'{path}'", cure="Name a file in it.")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with staging_name(path) as staging:
            staging.touch()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold ``path``, which need not exist, against every other process that asks for it.

    Raises:
        StorageError: If its folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = file_lock(path.with_name(f".{path.name}.lock"))
        lock.acquire()
    except OSError as error:
        raise as_storage_error(path, error) from error
    try:
        yield
    finally:
        lock.release()


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with new_file(path) as staging:
        staging.write_text(text, encoding="utf-8")


def write_json(path: Path, data: Any) -> None:
    """Write ``data`` as indented JSON, atomically; NaN is refused, because JSON has none."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        StorageError: If it cannot be read or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise StorageError(
            f"'{path}' must be a readable JSON file.", received=str(error), cure="Remove it and run the command again."
        ) from error


def sha256(path: Path) -> str:
    """The sha256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the errors of writing ``path`` into ``StorageError``, a full disk by its name."""
    try:
        yield
    except SinkdError:
        raise
    except OSError as error:
        raise as_storage_error(path, error) from error
    except Exception as error:
        # safetensors and pyarrow report a full disk in exception types of their own
        if "No space left on device" in str(error) or "I/O error" in str(error):
            raise as_storage_error(path, error) from error
        raise


def as_storage_error(path: Path, error: Exception) -> StorageError:
    """The project's error for an operating-system error while writing ``path``."""
    full = getattr(error, "errno", None) == errno.ENOSPC or "No space left on device" in str(error)
    if full:
        return StorageError(f"The disk is full: '{path}' could not be written.", cure="Free some room and run again.")
    return StorageError(f"'{path}' must be writable.", received=str(error), cure="Choose another folder.")
