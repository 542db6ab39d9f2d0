"""``sinkd plugins``: the plugins that were found, what each adds, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table as Grid
from rich.text import Text

from sinkd_plugin.catalog import Table, catalog
from sinkd_plugin.cli.list_command import has_targets, targets
from sinkd_plugin.console import print_json, stdout
from sinkd_plugin.errors import nearest
from sinkd_plugin.plugins import PluginInfo, loaded_plugins


@click.command("plugins", epilog="Example: sinkd plugins --json")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects, one a plugin.")
def command(as_json: bool) -> None:
    """Show the plugins that are installed, what each adds, and those that failed and why."""
    rows = plugin_rows()
    if as_json:
        print_json(rows)
        return
    stdout.print(_grid(rows))
    for row in rows:
        for problem in _problems(row):
            stdout.print(f"{row['name']}: {problem}", markup=False)


def plugin_rows() -> list[dict[str, Any]]:
    """Each plugin as plain data: where it is from, what it adds by kind, failures, clashes and unknown hooks."""
    tables = _tables()
    return [_row(plugin, tables) for plugin in loaded_plugins().plugins]


def _tables() -> dict[str, Table[Any]]:
    offered = catalog()
    tables: dict[str, Table[Any]] = {
        "losses": offered.losses,
        "architectures": offered.architectures,
        "tasks": offered.tasks,
        "sources": offered.zoo_sources,
        "commands": offered.commands,
    }
    return {**tables, "targets": targets()} if has_targets() else tables


def _row(plugin: PluginInfo, tables: dict[str, Table[Any]]) -> dict[str, Any]:
    # every table repeats why a plugin did not load
    failures = dict.fromkeys(table.failures.get(plugin.title) for table in tables.values())
    # the name of a plugin with a rival means the rival, or nobody, in every table
    counted = {} if plugin.has_rival else tables
    adds = {
        kind: [entry.spec.name for entry in table if entry.plugin == plugin.name] for kind, table in counted.items()
    }
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "adds": {kind: names for kind, names in adds.items() if names},
        "failures": [failure for failure in failures if failure],
        "clashes": _clashes(plugin.name, counted),
        "unknown_hooks": [] if plugin.has_rival else _unknown_hooks(plugin.name),
    }


def _clashes(plugin: str, tables: dict[str, Table[Any]]) -> list[dict[str, Any]]:
    """Names of a plugin that others claim too; using one is an error."""
    return [
        {"kind": kind, "name": name, "plugins": claims}
        for kind, table in tables.items()
        for name, claims in table.clashes().items()
        if plugin in claims
    ]


def _unknown_hooks(plugin: str) -> list[dict[str, Any]]:
    """Hook functions of a plugin that nothing calls, most often a slip of the pen."""
    hooks = {name: hook for name, hook in vars(loaded_plugins().manager.hook).items() if not name.startswith("_")}
    known = [name for name, hook in hooks.items() if hook.has_spec()]
    return [
        {"hook": name, "nearest": nearest(name, known)}
        for name, hook in hooks.items()
        for implementation in hook.get_hookimpls()
        if name not in known and implementation.plugin_name == plugin and not implementation.optionalhook
    ]


def _grid(rows: list[dict[str, Any]]) -> Grid:
    grid = Grid("plugin", "from", "adds", "status", box=None, pad_edge=False)
    for row in rows:
        adds = "\n".join(f"{kind}: {', '.join(names)}" for kind, names in row["adds"].items())
        status = "needs a look, see below" if _problems(row) else "ok"
        grid.add_row(Text(row["name"]), Text(f"{row['distribution']} {row['version']}"), Text(adds or "–"), status)
    return grid


_ELSEWHERE = "it may belong to a later version, or to a plugin that is not installed"


def _problems(row: dict[str, Any]) -> list[str]:
    failed = [f"failed: {failure}" for failure in row["failures"]]
    clashing = [
        f"'{clash['name']}' ({clash['kind']}) comes from {' and '.join(clash['plugins'])}; uninstall one of them, "
        "or choose with SINKD_PLUGINS"
        for clash in row["clashes"]
    ]
    unknown = [
        f"nothing calls the hook '{hook['hook']}'; "
        + (f"did you mean '{hook['nearest']}'?" if hook["nearest"] else _ELSEWHERE)
        for hook in row["unknown_hooks"]
    ]
    return failed + clashing + unknown
