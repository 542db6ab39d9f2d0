"""Static zoos on disk: the source ``folder``, and sources of one folder for whoever ships students in a package."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from sinkd_plugin.errors import ChecksumError
from sinkd_plugin.specs import ZooCard, ZooSourceSpec
from sinkd_plugin.zoo_files import files_in, require_files
from sinkd_zoo.contents import require_harmless
from sinkd_zoo.index import Student, read_index
from sinkd_zoo.places import VARIABLE, folder_of, places
from sinkd_zoo.zoos import students_of


def folder_source(name: str, summary: str, folders: Callable[[], Sequence[Path]]) -> ZooSourceSpec:
    """A source of static zoos in folders.

    Args:
        name: Name of the source.
        summary: One line about it.
        folders: Where the zoos lie now; as in ``PATH``, the first that has a name wins.

    Example:
        >>> folder_source("acme", "Students of Acme.", lambda: [Path("students")]).name
        'acme'
    """

    def cards() -> list[Student]:
        return students_of(folders(), read_index)

    return ZooSourceSpec(name=name, summary=summary, cards=cards, fetch=fetch)


def fetch(card: ZooCard, into: Path) -> None:
    """Copy a student's files and verify the copies.

    Args:
        card: A card that ``cards`` returned.
        into: A folder that exists and is empty.

    Raises:
        ChecksumError: If its folder is not exactly the files on the card.
        UnsafeContentError: If loading it could run code.
    """
    if not isinstance(card, Student):
        raise TypeError(f"a card of this source is needed, not {card!r}")
    folder = Path(card.place, card.folder)
    _require_names(folder, card)
    for name in card.files:
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, target)
    require_files(into, card.files, f"The student in '{folder}'")
    require_harmless(into, card.files, f"The student in '{folder}'")


def _require_names(folder: Path, card: Student) -> None:
    """Refuse missing and extra files, and links: what lies beside the card's files was not published."""
    present = files_in(folder)
    links = {name for name in present if (folder / name).is_symlink()}
    wrong = sorted((present ^ card.files.keys() if card.folder != "." else card.files.keys() - present) | links)
    if wrong or folder.is_symlink():
        raise ChecksumError(
            f"The student in '{folder}' must be exactly the files on its card.",
            received=f"missing, extra or a link: {', '.join(wrong) or folder.name}",
            cure="Publish it again.",
        )


SPEC = folder_source(
    "folder",
    f"Static zoos on disk: the folders in {VARIABLE}.",
    lambda: [folder_of(place) for place in places("folder")],
)
