"""What the commands print: results on stdout, everything else on stderr; progress bars on a terminal only."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

# texts come from users' files and names: nothing in them is markup or the name of an emoji
stderr = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
stdout = Console(highlight=False, soft_wrap=True, markup=False, emoji=False, width=None if sys.stdout.isatty() else 120)


class Meter:
    """One running progress bar; ``advance`` moves it and shows the latest figures beside it."""

    def __init__(self, progress: Progress, description: str, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task(description, total=total, figures="")

    def advance(self, **figures: float) -> None:
        """One step further, with the figures to show, such as ``loss=0.41``."""
        shown = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
        fields: dict[str, Any] = {"figures": shown} if shown else {}
        self._progress.update(self._task, advance=1, **fields)


@contextmanager
def progress(description: str, total: int) -> Iterator[Meter]:
    """A progress bar with figures and the time left on a terminal; one plain line at the start in a pipe.

    Args:
        description: What is going on.
        total: Number of steps.
    """
    if not stderr.is_terminal:
        stderr.print(f"{description} ({total} steps)")
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, disable=not stderr.is_terminal) as bar:
        yield Meter(bar, description, total)


def note(message: str) -> None:
    """A line for the person who watches, on stderr."""
    stderr.print(message)


def print_json(data: Any) -> None:
    """A result for scripts, on stdout: plain ASCII, so that no terminal's encoding can spoil it."""
    sys.stdout.write(json.dumps(data, indent=2, allow_nan=False) + "\n")
