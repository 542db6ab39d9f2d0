"""The zoo source ``acme``: students that ship inside this package, in the folder that ``sinkd zoo publish`` made."""

from __future__ import annotations

from pathlib import Path

from sinkd_zoo.folder_source import folder_source

SPEC = folder_source("acme", "Students that ship with acme-sinkd.", lambda: [Path(__file__).parent / "students"])
