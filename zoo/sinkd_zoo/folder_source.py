"""The source ``folder``: the static zoos that ``SINKD_ZOO`` names."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sinkd_plugin.errors import ChecksumError
from sinkd_plugin.specs import ZooCard, ZooSourceSpec
from sinkd_plugin.zoo_cache import files_in, require_files
from sinkd_zoo.index import read_index

VARIABLE = "SINKD_ZOO"
"""Environment variable with the folders, separated as in ``PATH``."""


def zoo_folders() -> list[Path]:
    """The folders that ``SINKD_ZOO`` names now."""
    return [Path(part).expanduser() for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]


def cards() -> list[ZooCard]:
    """The cards of all folders; as in ``PATH``, the first folder that has a name wins.

    Raises:
        BrokenIndexError: If a folder holds no index, or a broken one.
    """
    return [card for card, _ in _students().values()]


def _students() -> dict[str, tuple[ZooCard, Path]]:
    found: dict[str, tuple[ZooCard, Path]] = {}
    for zoo in zoo_folders():
        for card in read_index(zoo):
            found.setdefault(card.name, (card, zoo / card.name))
    return found


def fetch(card: ZooCard, into: Path) -> None:
    """Copy a student's files and verify the copies.

    Args:
        card: A card that ``cards`` returned.
        into: A folder that exists and is empty.

    Raises:
        ChecksumError: If the zoo no longer has this card, or its folder is not exactly the files on it.
    """
    current, folder = _students().get(card.name, (None, Path()))
    if current != card:
        raise ChecksumError(f"'{card.name}' changed in its zoo while it was fetched.", cure="Run the command again.")
    _require_names(folder, card)
    for name in card.files:
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, target)
    require_files(into, card.files, f"The student in '{folder}'")


def _require_names(folder: Path, card: ZooCard) -> None:
    """Refuse missing and extra files, and links: what lies beside the card's files was not published."""
    present = files_in(folder)
    links = {name for name in present if (folder / name).is_symlink()}
    wrong = sorted(present ^ card.files.keys() | links)
    if wrong:
        raise ChecksumError(
            f"The student in '{folder}' must be exactly the files on its card.",
            received=f"missing, extra or a link: {', '.join(wrong)}",
            cure="Publish it again.",
        )


SPEC = ZooSourceSpec(
    name="folder",
    summary=f"Static zoos on disk: the folders in {VARIABLE}.",
    cards=cards,
    fetch=fetch,
)
