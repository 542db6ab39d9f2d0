"""A static zoo: a folder with ``index.json`` and one folder per student, which any web server can serve as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, field_validator

from sinkd_plugin.errors import ConfigError, WorldError
from sinkd_plugin.options import Options, validate
from sinkd_plugin.specs import ZooCard
from sinkd_plugin.storage import write_json
from sinkd_zoo.card import CardRecord, card_to_json

FILE = "index.json"
"""Name of the index in its zoo."""

FORMAT = 1
"""Version of the index that this package reads and writes."""

LARGEST_INDEX = 16 * 2**20
"""Bytes beyond which an index is not even parsed."""


class BrokenIndexError(WorldError):
    """A zoo's index cannot be read, or breaks a rule."""


class IndexRecord(Options):
    """The JSON form of an index."""

    model_config = ConfigDict(strict=True)

    format: Literal[1]
    students: list[CardRecord]

    @field_validator("students")
    @classmethod
    def _names_differ(cls, students: list[CardRecord]) -> list[CardRecord]:
        names = [student.name for student in students]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"a name may appear once, not so {', '.join(twice)}")
        return students


def read_index(zoo: Path) -> list[ZooCard]:
    """The cards of a static zoo, in the order of the index.

    Args:
        zoo: The folder that holds ``index.json``.

    Raises:
        BrokenIndexError: If the index is missing, unreadable, too large, or breaks a rule; the message names the key.
    """
    path = zoo / FILE
    try:
        return [record.card() for record in validate(IndexRecord, _parse(path)).students]
    except (ConfigError, OSError, ValueError, RecursionError) as error:
        raise BrokenIndexError(
            f"'{path}' must be the index of a zoo.",
            received=str(error).rstrip("."),
            cure="`sinkd zoo publish RUN --to DIR` makes a zoo; zoo/README.md has the rules of its index.",
        ) from error


def _parse(path: Path) -> Mapping[str, Any]:
    if path.stat().st_size > LARGEST_INDEX:
        raise ValueError(f"it is larger than {LARGEST_INDEX} bytes")
    data = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    if not isinstance(data, dict):
        raise ConfigError("It is no JSON object")
    return data


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def write_index(zoo: Path, cards: Iterable[ZooCard]) -> None:
    """Write the index of a static zoo atomically, sorted by name.

    Raises:
        ConfigError: If a card does not hold to the rules.
        StorageError: If it cannot be written.
    """
    students = [card_to_json(card) for card in sorted(cards, key=lambda card: card.name)]
    write_json(zoo / FILE, {"format": FORMAT, "students": students})
