"""What the commands show of students: tables for people, plain data for scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sinkd_plugin.console import note, stdout
from sinkd_plugin.specs import ZooCard
from sinkd_plugin.zoo_cache import CachedStudent, Offer
from sinkd_zoo.card import card_to_json

_MIB = 2**20
_PIPE_WIDTH = 200
"""Columns of a table that no terminal bounds."""


def offer_json(offer: Offer) -> dict[str, Any]:
    """A card with its source and, if it is in the cache, its folder."""
    return card_to_json(offer.card) | {
        "source": offer.source.name,
        "cached": str(offer.folder) if offer.folder.is_dir() else None,
    }


def checked_json(student: CachedStudent, problems: Sequence[str]) -> dict[str, Any]:
    """A cached student and what is wrong with it."""
    return {
        "name": student.folder.name,
        "source": student.source,
        "folder": str(student.folder),
        "problems": list(problems),
    }


def print_offers(offers: Sequence[Offer]) -> None:
    """One line per student."""
    table = _table("name", "task", "architecture", "parameters", "score", "MiB", "licence", "source", "cached")
    for offer in offers:
        card = offer.card
        row = (
            card.name, card.task, card.architecture, f"{card.parameters:,}", _score(card), _mebibytes(card),
            card.license, offer.source.name, "yes" if offer.folder.is_dir() else "no",
        )  # fmt: skip
        table.add_row(*(escape(cell) for cell in row))
    _print(table)


def print_card(offer: Offer) -> None:
    """Everything that a card says."""
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in _facts(offer).items():
        table.add_row(escape(label), escape(value))
    _print(table)
    for name, digest in offer.card.files.items():  # as sha256sum prints them, so that they can be copied
        stdout.print(f"{digest}  {name}", markup=False)


def _facts(offer: Offer) -> dict[str, str]:
    card = offer.card
    scores = {metric: f"{value:.4f} (n={card.n})" for metric, value in card.metrics.items()}
    details = {_plain(key): _plain(value) for key, value in card.details.items()}
    return {
        "name": card.name,
        "summary": card.summary,
        "task": card.task,
        "architecture": card.architecture,
        "parameters": f"{card.parameters:,}",
        "licence": card.license,
        **scores,
        **details,
        "source": offer.source.name,
        "folder": str(offer.folder) if offer.folder.is_dir() else "not downloaded",
    }


def _plain(value: Any) -> str:
    if isinstance(value, Mapping | list):
        text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
        return text.strip() if value else "-"
    scalar = str(value)
    return scalar if scalar.isprintable() else repr(scalar)  # a terminal would obey control characters


def print_checked(checked: Sequence[tuple[CachedStudent, list[str]]]) -> None:
    """One line per cached student."""
    if not checked:
        note("No student is cached; `sinkd zoo download NAME` fetches one.")
        return
    table = _table("name", "source", "files", "state")
    for student, problems in checked:
        table.add_row(
            escape(student.folder.name), student.source, str(len(student.files)), "damaged" if problems else "ok"
        )
    _print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "name")
    return table


def _print(table: Table) -> None:
    (stdout if stdout.is_terminal else Console(width=_PIPE_WIDTH)).print(table)


def _score(card: ZooCard) -> str:
    return next((f"{metric} {value:.3f} (n={card.n})" for metric, value in card.metrics.items()), "-")


def _mebibytes(card: ZooCard) -> str:
    """The size that the card claims; ``details`` is free JSON, so it may claim anything."""
    sizes = card.details.get("sizes")
    known = isinstance(sizes, Mapping) and all(isinstance(size, int) for size in sizes.values())
    return f"{sum(sizes.values()) / _MIB:.1f}" if sizes and known else "-"
