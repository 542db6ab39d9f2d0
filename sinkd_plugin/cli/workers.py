"""Further processes that do the same as this one, on this machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def other_workers(count: int, words: Sequence[str], changes: Sequence[str]) -> Iterator[None]:
    """Let ``count`` more processes work on what is done in the block; waits for them at its end.

    Args:
        count: How many.
        words: The command of each, without the program's name; it must not start workers itself.
        changes: Its ``--set`` options.
    """
    options = [word for change in changes for word in ("--set", change)]
    command = [sys.executable, "-m", "sinkd_plugin", *words, *options]
    others = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(count)]  # noqa: S603 - this program
    try:
        yield
    finally:
        for other in others:
            other.wait()
