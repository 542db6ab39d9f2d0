"""What the commands show of students: tables for people, plain data for scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sinkd_plugin.console import note, stdout
from sinkd_plugin.specs import ZooCard
from sinkd_plugin.zoo_cache import CachedStudent, card_as_data
from sinkd_zoo.catalogue import Row

_MIB = 2**20
_PIPE_WIDTH = 220
"""Columns of a table that no terminal bounds."""


def row_json(row: Row) -> dict[str, Any]:
    """A card with its source and, if it is in the cache, its folder."""
    plain: dict[str, Any] = json.loads(json.dumps(card_as_data(row.card), default=str))
    return plain | {
        "source": row.source,
        "offered": row.is_offered,
        "revisions": list(row.revisions),
        "cached": None if row.folder is None else str(row.folder),
    }


def checked_json(student: CachedStudent, problems: Sequence[str]) -> dict[str, Any]:
    """A cached student and what is wrong with it."""
    return {
        "name": student.card.name,
        "revision": student.card.revision,
        "source": student.source,
        "folder": str(student.folder),
        "problems": list(problems),
    }


def print_rows(rows: Sequence[Row]) -> None:
    """One line per student."""
    table = _table(
        "name", "task", "architecture", "parameters", "score", "latency",
        "MiB", "licence", "revision", "source", "cached",
    )  # fmt: skip
    for row in rows:
        card = row.card
        cells = (
            card.name, card.task, card.architecture, f"{card.parameters:,}", _score(card), _latency(card),
            _mebibytes(card), card.license, card.revision, row.source, "yes" if row.folder else "no",
        )  # fmt: skip
        table.add_row(*(escape(cell) for cell in cells))
    _print(table)


def print_card(row: Row) -> None:
    """Everything that a card says."""
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in _facts(row).items():
        table.add_row(escape(label), escape(value))
    _print(table)
    for name, digest in row.card.files.items():  # as sha256sum prints them, so that they can be copied
        stdout.print(f"{digest}  {name}", markup=False)


def _facts(row: Row) -> dict[str, str]:
    card = row.card
    scores = {metric: f"{value:.4f} (n={card.n})" for metric, value in card.metrics.items()}
    details = {_plain(key): _plain(value) for key, value in card.details.items()}
    return {
        "name": card.name,
        "revision": f"{card.revision} of {', '.join(row.revisions)}",
        "summary": card.summary,
        "task": card.task,
        "architecture": card.architecture,
        "parameters": f"{card.parameters:,}",
        "licence": card.license,
        **scores,
        **details,
        "MiB": _mebibytes(card),
        "source": row.source if row.is_offered else f"the cache; once fetched from {row.source}",
        "folder": str(row.folder) if row.folder else "not downloaded",
    }


def _plain(value: Any) -> str:
    if isinstance(value, Mapping | list):
        text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
        return text.strip() if value else "-"
    scalar = "-" if value is None else str(value)
    return scalar if scalar.isprintable() else repr(scalar)  # a terminal would obey control characters


def print_checked(checked: Sequence[tuple[CachedStudent, list[str]]]) -> None:
    """One line per cached student."""
    if not checked:
        note("No student is cached; `sinkd zoo download NAME` fetches one.")
        return
    table = _table("name", "revision", "source", "files", "state")
    for student, problems in checked:
        card = student.card
        cells = (card.name, card.revision, student.source, str(len(card.files)), "damaged" if problems else "ok")
        table.add_row(*(escape(cell) for cell in cells))
    _print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "name")
    return table


def _print(table: Table) -> None:
    (stdout if stdout.is_terminal else Console(width=_PIPE_WIDTH)).print(table)


def _score(card: ZooCard) -> str:
    chosen = str(card.details.get("metric", next(iter(card.metrics), "")))
    return f"{chosen} {card.metrics[chosen]:.3f} (n={card.n})" if chosen in card.metrics else "-"


def _latency(card: ZooCard) -> str:
    """The latency that the card claims; ``details`` is free JSON, so it may claim anything."""
    latency = card.details.get("latency")
    known = isinstance(latency, Mapping) and isinstance(latency.get("median_ms"), int | float)
    return f"{latency['median_ms']:.2f} ms ({latency.get('shape', '?')})" if latency and known else "-"


def _mebibytes(card: ZooCard) -> str:
    return f"{sum(card.sizes.values()) / _MIB:.1f}" if card.sizes else "-"
