"""A static zoo: an ``index.json`` and a folder per student beside it, which any web server can serve as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, field_validator

from sinkd_plugin.errors import ConfigError, WorldError
from sinkd_plugin.options import Options, validate
from sinkd_plugin.specs import ZooCard
from sinkd_plugin.storage import write_json
from sinkd_zoo.card import CardRecord, card_to_json
from sinkd_zoo.json_text import parse_object
from sinkd_zoo.names import check_folder, check_text

FILE = "index.json"
"""Name of the index in its zoo."""

FORMAT = 1
"""Version of the index that this package reads and writes."""

LARGEST_INDEX = 16 * 2**20
"""Bytes beyond which an index is not even parsed."""

MOST_MIRRORS = 20


class BrokenIndexError(WorldError):
    """A zoo's index cannot be read, or breaks a rule."""


@dataclass(frozen=True, kw_only=True)
class Student(ZooCard):
    """A card in an index, and where its files lie.

    Args:
        place: The zoo: a folder, a URL, a repository.
        folder: Where its files lie below the index; ``.`` is beside it.
        mirrors: Further places with the same layout.
    """

    place: str = ""
    folder: str = "."
    mirrors: tuple[str, ...] = ()


class StudentRecord(CardRecord):
    """The JSON form of a student in an index."""

    folder: Annotated[str, AfterValidator(check_folder)]


def _check_mirror(url: str) -> str:
    check_text(url)
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("a mirror must be a plain https:// or http:// address without name, query or fragment")
    return url


class IndexRecord(Options):
    """The JSON form of an index."""

    model_config = ConfigDict(strict=True)

    format: Literal[1]
    mirrors: list[Annotated[str, AfterValidator(_check_mirror), Field(max_length=1000)]] = Field(
        default_factory=list, max_length=MOST_MIRRORS
    )
    students: list[StudentRecord]

    @field_validator("students")
    @classmethod
    def _names_differ(cls, students: list[StudentRecord]) -> list[StudentRecord]:
        names = [f"{student.name}@{student.revision}" for student in students]
        twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if twice:
            raise ValueError(f"a name may appear once with a revision, not so {', '.join(twice)}")
        return students


def parse_index(text: bytes, place: str) -> list[Student]:
    """The students of a zoo, in the order of its index.

    Args:
        text: What ``index.json`` holds.
        place: The zoo that it is the index of.

    Raises:
        BrokenIndexError: If it is too large, or breaks a rule; the message names the key.
    """
    try:
        data = parse_object(text, LARGEST_INDEX)
        _check_format(data)
        index = validate(IndexRecord, data)
    except (ConfigError, ValueError) as error:
        raise _broken(place, error) from error
    mirrors = tuple(index.mirrors)
    return [
        Student(**vars(record.card()), place=place, folder=record.folder, mirrors=mirrors) for record in index.students
    ]


def _check_format(data: dict[str, Any]) -> None:
    version = data.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise ValueError(f"its format is {version}, and this version reads {FORMAT}; update sinkd-plugin")


def read_index(zoo: Path) -> list[Student]:
    """The students of a static zoo in a folder, in the order of the index.

    Args:
        zoo: The folder that holds ``index.json``.

    Raises:
        BrokenIndexError: If the index is missing, unreadable, too large, or breaks a rule; the message names the key.
    """
    try:
        with (zoo / FILE).open("rb") as stream:
            text = stream.read(LARGEST_INDEX + 1)
    except OSError as error:
        raise _broken(str(zoo), error) from error
    return parse_index(text, str(zoo))


def _broken(place: str, error: Exception) -> BrokenIndexError:
    return BrokenIndexError(
        f"'{place.rstrip('/')}/{FILE}' must be the index of a zoo.",
        received=str(error).rstrip("."),
        cure="`sinkd zoo publish RUN --to DIR` makes a zoo; zoo/README.md has the rules of its index.",
    )


def write_index(zoo: Path, students: Iterable[Student], mirrors: Iterable[str] = ()) -> None:
    """Write the index of a static zoo atomically, sorted by name, the revisions of a name in their order.

    Raises:
        ConfigError: If a card does not hold to the rules.
        StorageError: If it cannot be written.
    """
    records = [{**card_to_json(each), "folder": each.folder} for each in sorted(students, key=lambda each: each.name)]
    write_json(zoo / FILE, {"format": FORMAT, "mirrors": list(mirrors), "students": records})


def mirrors_of(students: Sequence[Student]) -> tuple[str, ...]:
    """The mirrors of the zoo that these students are of."""
    return students[0].mirrors if students else ()
