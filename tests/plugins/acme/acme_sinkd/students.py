"""The zoo source ``acme``: students that ship inside this package, in the folder that ``sinkd zoo publish`` made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from sinkd_plugin.specs import ZooCard, ZooSourceSpec

ZOO = Path(__file__).parent / "students"


def cards() -> Sequence[ZooCard]:
    index = json.loads((ZOO / "index.json").read_text(encoding="utf-8"))
    return [ZooCard(**student) for student in index["students"]]


def fetch(card: ZooCard, into: Path) -> None:
    """Copy the files; sinkd compares them with the card afterwards."""
    shutil.copytree(ZOO / card.name, into, dirs_exist_ok=True)


SPEC = ZooSourceSpec(name="acme", summary="Students that ship with acme-sinkd.", cards=cards, fetch=fetch)
