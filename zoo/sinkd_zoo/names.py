"""Which names and paths an index may give: plain ones, that mean the same on every system."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

SUFFIXES = (".safetensors", ".json", ".txt", ".md", ".model")
"""What a student may hold: weights, configuration, vocabulary, text, a SentencePiece model; no code, no pickle."""

_NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_REVISION = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_SEGMENT = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_WINDOWS_DEVICES = {"con", "prn", "aux", "nul"} | {f"{port}{digit}" for port in ("com", "lpt") for digit in range(10)}
_LONGEST_NAME = 100
_LONGEST_PATH = 200
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".msgpack", ".npz", ".npy", ".joblib")
_CODE = (".py", ".pyc", ".so", ".dll", ".sh", ".js", ".exe", ".ipynb", ".whl", ".zip", ".tar", ".gz")

Value = TypeVar("Value")


def check_name(name: str) -> str:
    """Return ``name`` if it can name a student.

    Raises:
        ValueError: If it is not a plain lower-case name.
    """
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name) or _is_device(name):
        raise ValueError(
            f"a student's name is at most {_LONGEST_NAME} lower-case letters and digits, joined by '-' or '_'"
        )
    return name


def check_revision(revision: str) -> str:
    """Return ``revision`` if it can tell the students of one name apart.

    Raises:
        ValueError: If it is not plain lower case.
    """
    if len(revision) > _LONGEST_NAME or not _REVISION.fullmatch(revision) or _is_device(revision):
        raise ValueError(
            f"a revision is at most {_LONGEST_NAME} lower-case letters and digits, joined by '.', '-' or '_'"
        )
    return revision


def check_folder(path: str) -> str:
    """Return ``path`` if it leads from an index to a folder at or below it.

    Raises:
        ValueError: If it is neither ``.`` nor a relative POSIX path of plain ASCII segments.
    """
    return path if path == "." else _check_segments(path, "a folder")


def check_path(path: str) -> str:
    """Return ``path`` if a student may hold a file of that name.

    Raises:
        ValueError: If it is not a relative POSIX path of plain ASCII segments, or not of a kind that is only read.
    """
    _check_segments(path, "a file's name")
    if not path.endswith(SUFFIXES):
        raise ValueError(f"a student may only hold files of the kinds {', '.join(SUFFIXES)}, got {path!r}{_why(path)}")
    return path


def check_paths(paths: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return ``paths`` if its keys can lie side by side in one folder on every system.

    Raises:
        ValueError: If one is unsafe, two differ only in case, or one is the folder of another.
    """
    folded = {check_path(path).lower() for path in paths}
    folders = {path[:end] for path in folded for end in range(len(path)) if path[end] == "/"}
    if len(folded) < len(paths) or folded & folders:
        raise ValueError("a student's files must not differ only in case, and none may be the folder of another")
    return paths


def check_text(text: str) -> str:
    """Return ``text`` if it is one line that a terminal only shows.

    Raises:
        ValueError: If it holds control characters.
    """
    if not text.isprintable():
        raise ValueError("a text on a card must be one line without control characters")
    return text


def check_digest(digest: str) -> str:
    """Return ``digest`` if it is a sha256.

    Raises:
        ValueError: If it is not.
    """
    if not _DIGEST.fullmatch(digest):
        raise ValueError("a sha256 is 64 lower-case hexadecimal digits")
    return digest


def _check_segments(path: str, what: str) -> str:
    segments = path.split("/")
    if len(path) > _LONGEST_PATH or not all(_SEGMENT.fullmatch(part) and not _is_device(part) for part in segments):
        raise ValueError(
            f"{what} must be a relative path of plain segments (letters, digits, '_', '.', '-'), got {path!r}"
        )
    return path


def _is_device(segment: str) -> bool:
    return segment.partition(".")[0].lower() in _WINDOWS_DEVICES


def _why(path: str) -> str:
    if path.lower().endswith(_PICKLES):
        return ", which may be a pickle: reading it runs whatever it says"
    return ", which may be code" if path.lower().endswith(_CODE) else ""
