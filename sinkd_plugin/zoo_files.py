"""Whether a folder is exactly the files on a student's card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sinkd_plugin.errors import ChecksumError
from sinkd_plugin.storage import sha256


def require_files(folder: Path, files: Mapping[str, str], what: str) -> None:
    """Make sure that ``folder`` holds exactly ``files``.

    Args:
        folder: The folder to look at.
        files: sha256 by relative POSIX path.
        what: What the folder is, for the message.

    Raises:
        ChecksumError: If a file is missing, changed, a link, or not on the card.
    """
    problems = file_problems(folder, files)
    if problems:
        raise ChecksumError(
            f"{what} must be exactly the files on its card.",
            received="; ".join(problems),
            cure="Download it again; if that does not help, tell whoever publishes it.",
        )


def file_problems(folder: Path, files: Mapping[str, str]) -> list[str]:
    """What keeps ``folder`` from being exactly ``files`` (sha256 by relative POSIX path); empty if nothing does."""
    present = files_in(folder)
    missing = [f"{name} is missing" for name in sorted(files.keys() - present)]
    extra = [f"{name} is not on the card" for name in sorted(present - files.keys())]
    changed = [
        problem
        for name in sorted(present & files.keys())
        if (problem := _file_problem(folder / name, name, files[name]))
    ]
    return missing + extra + changed


def files_in(folder: Path) -> set[str]:
    """Relative POSIX paths of everything below ``folder`` that is no real folder; links count as files."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}


def _file_problem(path: Path, name: str, expected: str) -> str | None:
    if path.is_symlink() or not path.is_file():
        return f"{name} is no regular file"
    try:
        found = sha256(path)
    except OSError as error:
        return f"{name} cannot be read ({error.strerror})"
    return None if found == expected else f"{name} has sha256 {found}, on the card is {expected}"
