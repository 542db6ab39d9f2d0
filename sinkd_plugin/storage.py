"""Files and folders that appear under their final name complete, or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs

from sinkd_plugin.errors import SinkdError, StorageError, UserError


def cache_folder() -> Path:
    """Where downloads and prepared data are kept: ``$SINKD_HOME``, or the user's cache folder."""
    home = os.environ.get("SINKD_HOME")
    return Path(home).expanduser() if home else Path(platformdirs.user_cache_dir("sinkd"))


@contextmanager
def new_folder(final: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Fill a folder beside ``final`` and rename it on success; on any failure nothing is left behind.

    Args:
        final: The folder to appear.
        overwrite: Replace a folder that is there; without it, one that is there is an error.

    Raises:
        UserError: If ``final`` exists and ``overwrite`` is off.
        StorageError: If the disk is full or not writable.
    """
    if not overwrite and final.exists() and (not final.is_dir() or any(final.iterdir())):
        raise UserError("The target must not exist yet.", received=str(final), cure="Choose another, or pass --force.")
    with storage_errors(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".partial", dir=final.parent))
    try:
        with storage_errors(final):
            yield staging
            _let_others_read(staging)
            _replace_folder(staging, final)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _let_others_read(staging: Path) -> None:
    """Temporary folders, and the files that safetensors writes, belong to their maker alone."""
    staging.chmod(0o755)
    for path in staging.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _replace_folder(staging: Path, final: Path) -> None:
    if not final.exists():
        staging.rename(final)
        return
    previous = staging.with_suffix(".previous")
    final.rename(previous)
    try:
        staging.rename(final)
    except OSError:
        previous.rename(final)
        raise
    if previous.is_symlink() or not previous.is_dir():
        previous.unlink()
    else:
        shutil.rmtree(previous, ignore_errors=True)  # the new folder is in place: what is left of the old one is litter


@contextmanager
def new_file(final: Path) -> Iterator[Path]:
    """Write a file beside ``final`` and rename it over ``final`` on success.

    Raises:
        StorageError: If the disk is full or not writable.
    """
    with storage_errors(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{final.name}.", suffix=".partial", dir=final.parent)
        os.close(handle)
    staging = Path(name)
    try:
        with storage_errors(final):
            staging.chmod(0o644)
            yield staging
            staging.replace(final)
    finally:
        staging.unlink(missing_ok=True)


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
    except (OSError, ValueError) as error:
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
        if "No space left on device" in str(error):
            raise as_storage_error(path, error) from error
        raise


def as_storage_error(path: Path, error: Exception) -> StorageError:
    """The project's error for an operating-system error while writing ``path``."""
    full = getattr(error, "errno", None) == errno.ENOSPC or "No space left on device" in str(error)
    if full:
        return StorageError(f"The disk is full: '{path}' could not be written.", cure="Free some room and run again.")
    return StorageError(f"'{path}' must be writable.", received=str(error), cure="Choose another folder.")
