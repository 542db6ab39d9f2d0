"""``sinkd list``: what the installed plugins offer, by kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from rich.table import Table as Grid
from rich.text import Text

from sinkd_plugin.catalog import Entry, Table, catalog, table
from sinkd_plugin.console import print_json, stdout
from sinkd_plugin.errors import MissingDependencyError
from sinkd_plugin.plugins import loaded_plugins

TARGETS_HOOK = "sinkd_export_targets"
"""Hook of the exporter; the core only knows its name."""


def has_targets() -> bool:
    """Whether any plugin brings the hook of export targets; one that only implements it has nobody to call it."""
    hook = getattr(loaded_plugins().manager.hook, TARGETS_HOOK, None)
    return hook is not None and hook.has_spec()


def targets() -> Table[Any]:
    """The export targets.

    Raises:
        MissingDependencyError: If the exporter is not installed, or failed to load.
    """
    if not has_targets():
        reasons = "; ".join(f"plugin '{plugin.name}': {plugin.failure}" for plugin in loaded_plugins().failures)
        raise MissingDependencyError(
            "Export targets need the exporter.",
            received=reasons or f"no plugin with the hook {TARGETS_HOOK}",
            cure="Run: pip install 'sinkd-plugin[export]'",
        )
    return table("export target", TARGETS_HOOK)


KINDS: dict[str, Callable[[], Table[Any]]] = {
    "losses": lambda: catalog().losses,
    "architectures": lambda: catalog().architectures,
    "tasks": lambda: catalog().tasks,
    "targets": targets,
    "sources": lambda: catalog().zoo_sources,
}

DETAILS = {"losses": ("slot",), "tasks": ("metric", "text", "prompts")}
"""Fields of a record that JSON shows beside its name, by kind; the table shows the first."""


def described(kind: str, entry: Entry[Any]) -> dict[str, Any]:
    """An entry as plain data."""
    details = {field: _plain(getattr(entry.spec, field)) for field in DETAILS.get(kind, ())}
    return {"name": entry.spec.name, **details, "summary": entry.spec.summary, "plugin": entry.plugin}


def _plain(value: Any) -> Any:
    """A field as it is shown: of records, their names."""
    return [getattr(item, "name", item) for item in value] if isinstance(value, tuple) else value


@click.command("list", epilog="Example: sinkd list tasks")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
def command(kind: str, as_json: bool) -> None:
    """List losses, architectures, tasks, export targets or zoo sources.

    KIND is one of losses, architectures, tasks, targets, sources.
    """
    rows = [described(kind, entry) for entry in KINDS[kind]()]
    if as_json:
        print_json(rows)
    else:
        stdout.print(_grid(kind, rows))


def _grid(kind: str, rows: list[dict[str, Any]]) -> Grid:
    headings = ("name", *DETAILS.get(kind, ())[:1], "summary", "plugin")
    grid = Grid(box=None, pad_edge=False)
    for heading in headings:
        grid.add_column(heading, no_wrap=heading != "summary")
    for row in rows:
        grid.add_row(*(Text(row[heading]) for heading in headings))
    return grid
