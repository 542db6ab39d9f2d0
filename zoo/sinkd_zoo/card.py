"""Cards as JSON: what an index may say of a student, and nothing else.

An index may come from a stranger, so a card is refused unless its name and its files are plainly harmless.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, JsonValue

from sinkd_plugin.options import Options, validate
from sinkd_plugin.specs import ZooCard

SUFFIXES = (".safetensors", ".json", ".txt", ".md", ".model")
"""What a student may hold: weights, configuration, vocabulary, text, a SentencePiece model; no code, no pickle."""

_NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_SEGMENT = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_WINDOWS_DEVICES = {"con", "prn", "aux", "nul"} | {f"{port}{digit}" for port in ("com", "lpt") for digit in range(10)}
_LONGEST_NAME = 100
_LONGEST_PATH = 200


def _is_device(segment: str) -> bool:
    return segment.partition(".")[0].lower() in _WINDOWS_DEVICES


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


def check_path(path: str) -> str:
    """Return ``path`` if a student may hold a file of that name.

    Raises:
        ValueError: If it is not a relative POSIX path of plain ASCII segments, or not of a kind that is only read.
    """
    segments = path.split("/")
    if len(path) > _LONGEST_PATH or not all(_SEGMENT.fullmatch(part) and not _is_device(part) for part in segments):
        raise ValueError(
            f"a file's name must be a relative path of plain segments (letters, digits, '_', '.', '-'), got {path!r}"
        )
    if not path.endswith(SUFFIXES):
        raise ValueError(f"a student may only hold files of the kinds {', '.join(SUFFIXES)}, got {path!r}")
    return path


def check_paths(paths: Mapping[str, str]) -> Mapping[str, str]:
    """Return ``paths`` if its keys can lie side by side in one folder on every system.

    Raises:
        ValueError: If one is unsafe, two differ only in case, or one is the folder of another.
    """
    folded = {check_path(path).lower() for path in paths}
    folders = {path[:end] for path in folded for end in range(len(path)) if path[end] == "/"}
    if len(folded) < len(paths) or folded & folders:
        raise ValueError("a student's files must not differ only in case, and none may be the folder of another")
    return paths


def _check_text(text: str) -> str:
    if not text.isprintable():  # a terminal would obey control characters
        raise ValueError("a text on a card must be one line without control characters")
    return text


def _check_sha256(digest: str) -> str:
    if not _SHA256.fullmatch(digest):
        raise ValueError("a sha256 is 64 lower-case hexadecimal digits")
    return digest


_Text = Annotated[str, AfterValidator(_check_text), Field(max_length=200)]


class CardRecord(Options):
    """The JSON form of a ``ZooCard``; the fields are those of the record."""

    model_config = ConfigDict(strict=True)

    name: Annotated[str, AfterValidator(check_name)]
    summary: _Text
    task: _Text = Field(min_length=1)
    architecture: _Text = Field(min_length=1)
    parameters: int = Field(gt=0)
    license: _Text = Field(min_length=1)
    metrics: dict[_Text, float]
    n: int = Field(ge=0)
    files: Annotated[
        dict[str, Annotated[str, AfterValidator(_check_sha256)]], AfterValidator(check_paths), Field(min_length=1)
    ]
    details: dict[str, JsonValue] = Field(default_factory=dict)

    def card(self) -> ZooCard:
        """The record that sources hand out."""
        return ZooCard(**self.model_dump())


def card_from_json(data: Mapping[str, Any], where: str = "") -> ZooCard:
    """Read a card.

    Args:
        data: The parsed JSON object.
        where: What to call it in messages.

    Raises:
        ConfigError: If a key is unknown, missing, of another type, or unsafe.
    """
    return validate(CardRecord, data, where).card()


def card_to_json(card: ZooCard) -> dict[str, Any]:
    """The JSON form of a card; ``card_from_json`` is its inverse.

    Raises:
        ConfigError: If the card does not hold to the rules of an index.
    """
    fields = {name: getattr(card, name) for name in CardRecord.model_fields}
    plain = {name: dict(value) if isinstance(value, Mapping) else value for name, value in fields.items()}
    return validate(CardRecord, plain).model_dump(mode="json")
