"""Whether the quotation marks of a file of separated values enclose cells, or are part of the text."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def quotes_are_text(path: Path) -> bool:
    """Whether a tab-separated file was written without quoting.

    Read the wrong way, a sentence that begins with a quotation mark loses it, or swallows the lines up to the next one,
    in silence. Files that were written with quoting hold to its rules; in others a mark soon stands where none may, or
    every line has all of its cells although a quoted one would go on.

    Args:
        path: A file in UTF-8.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        lines = [line for line in stream.read().splitlines() if line]
    if not any('"' in line for line in lines):
        return False
    rows = _rows(path)
    one_row_a_line = len({line.count("\t") for line in lines}) == 1
    return rows is None or (rows < len(lines) and one_row_a_line)


def _rows(path: Path) -> int | None:
    """Number of rows by the rules of quoting; ``None`` if the file breaks them."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream, _any_size():
        try:
            return sum(1 for row in csv.reader(stream, delimiter="\t", strict=True) if row)
        except csv.Error:
            return None


@contextmanager
def _any_size() -> Iterator[None]:
    """The module refuses cells of more than 128 KiB otherwise."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(limit)
