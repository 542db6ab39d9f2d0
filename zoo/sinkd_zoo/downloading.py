"""``download``: a student's verified folder, by name."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from sinkd_plugin.errors import UserError
from sinkd_plugin.storage import locked, new_folder
from sinkd_plugin.zoo_cache import cached_student, file_problems, find_offer, require_files


def download(name: str, to: Path | None = None) -> Path:
    """Fetch a student, or find it in the cache, and verify every file of it.

    Any number of processes may ask for one student at once: one fetches, all get the folder.

    Args:
        name: Name of the student, as ``sinkd zoo list`` shows it.
        to: Folder that shall hold its files; ``None`` leaves them in the cache.

    Returns:
        A Transformers folder.

    Raises:
        UnknownNameError: If no source has the student.
        ChecksumError: If what its source delivers is not what its card says.
        UserError: If ``to`` holds something else.
        StorageError: If the disk is full or not writable.

    Example:
        >>> download("encoder-17m-reviews")  # doctest: +SKIP
        PosixPath('/home/ada/.cache/sinkd/zoo/folder/encoder-17m-reviews')
    """
    cached = cached_student(name)
    if to is None:
        return cached
    target = Path(to).expanduser()
    with locked(cached):
        _copy(cached, target, find_offer(name).card.files)
    return target


def _copy(cached: Path, target: Path, files: Mapping[str, str]) -> None:
    if target.is_dir() and not file_problems(target, files):
        return
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(
            "The folder of a download must not exist, be empty, or hold this very student.",
            received=str(target),
            cure="Choose another folder with --to.",
        )
    with new_folder(target) as staging:
        shutil.copytree(cached, staging, copy_function=shutil.copyfile, dirs_exist_ok=True)
        require_files(staging, files, f"The copy of '{cached}'")
