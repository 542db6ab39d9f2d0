"""The source ``bundled``: the students that ship inside this package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sinkd_zoo.folder_source import folder_source
from sinkd_zoo.index import FILE

FOLDER = Path(__file__).parent / "students"


def _folders() -> Sequence[Path]:
    return [FOLDER] if (FOLDER / FILE).is_file() else []


SPEC = folder_source("bundled", "The students that ship with sinkd.", _folders)
