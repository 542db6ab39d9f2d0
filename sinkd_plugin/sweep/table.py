"""The settings of a sweep as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from sinkd_plugin.console import stdout
from sinkd_plugin.sweep.config import SweepConfig
from sinkd_plugin.sweep.sweep import Tried

_MOST_SHOWN = 10


def print_tried(sweep: SweepConfig, found: Sequence[Tried]) -> None:
    """Print the best settings; how many failed stands in the title."""
    failed = sum(each.score is None for each in found)
    table = Table(title=f"{sweep.name}: {len(found)} settings on the validation split, {failed} failed")
    for heading in ("trial", sweep.metric or "score", *(key.rpartition(".")[2] for key in sweep.space)):
        table.add_column(heading)
    for each in found[:_MOST_SHOWN]:
        score = "failed" if each.score is None else f"{each.score:.4f}"
        table.add_row(str(each.number), score, *(_shown(value) for value in each.setting.values()))
    stdout.print(table)


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
