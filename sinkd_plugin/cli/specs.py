"""The core's commands by name; each is imported when it is called."""

from __future__ import annotations

from functools import partial
from importlib import import_module

import click

from sinkd_plugin.specs import CommandSpec

_COMMANDS = {
    "distill": "Train a student from a teacher, as one YAML or JSON file says.",
    "evaluate": "Score a model on a task's test split.",
    "list": "List losses, architectures, tasks, export targets or zoo sources.",
    "plugins": "Show the plugins that are installed, and those that failed.",
    "study": "Compare ways to distil over tasks and seeds, as one YAML or JSON file says.",
    "sweep": "Search for the setting that is best on the validation split, as one YAML or JSON file says.",
    "run": "Run a TextBrewer script with sinkd's losses known to it, the script itself untouched.",
    "quickstart": "Distil, evaluate, export and time a real student, from nothing, in about ten minutes.",
}


def command_specs() -> tuple[CommandSpec, ...]:
    """Our own commands."""
    return tuple(
        CommandSpec(name=name, summary=summary, load=partial(_load, name)) for name, summary in _COMMANDS.items()
    )


def _load(name: str) -> click.Command:
    command: click.Command = import_module(f"sinkd_plugin.cli.{name}_command").command
    return command
