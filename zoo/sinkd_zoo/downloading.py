"""``download``: a student's verified folder, by name."""

from __future__ import annotations

import shutil
from pathlib import Path

from sinkd_plugin.errors import UserError
from sinkd_plugin.storage import new_folder
from sinkd_plugin.zoo_cache import CachedStudent, cached_student
from sinkd_plugin.zoo_files import file_problems, require_files
from sinkd_plugin.zoo_offers import parted
from sinkd_zoo.places import sources_to_ask


def download(name: str, to: Path | str | None = None, revision: str | None = None) -> Path:
    """Fetch a student, or find it in the cache, and verify every file of it.

    Any number of processes may ask for one student at once: one fetches, all get the folder.

    Args:
        name: Name of the student, as ``sinkd zoo list`` shows it; ``NAME@REVISION`` names a revision, too.
        to: Folder that shall hold its files; ``None`` leaves them in the cache.
        revision: Which one; ``None`` is the newest.

    Returns:
        A Transformers folder.

    Raises:
        UnknownNameError: If no source has the student.
        DownloadError: If its source cannot be reached, and the cache does not hold it.
        ChecksumError: If what its source delivers is not what its card says.
        UserError: If ``to`` holds something else.
        StorageError: If the disk is full or not writable.

    Example:
        >>> download("minilm-l3-reviews")  # doctest: +SKIP
        PosixPath('/home/ada/.cache/sinkd/zoo/bundled/minilm-l3-reviews@1/minilm-l3-reviews')
    """
    plain, own = parted(name)
    student = cached_student(plain, revision or own, sources_to_ask())
    if to is None:
        return student.folder
    target = Path(to).expanduser()
    _copy(student, target)
    return target


def _copy(student: CachedStudent, target: Path) -> None:
    files = student.card.files
    if target.is_dir() and not file_problems(target, files):
        return
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(
            "The folder of a download must not exist, be empty, or hold this very student.",
            received=str(target),
            cure="Choose another folder with --to.",
        )
    with new_folder(target) as staging:
        shutil.copytree(student.folder, staging, copy_function=shutil.copyfile, dirs_exist_ok=True)
        require_files(staging, files, f"The copy of '{student.folder}'")
