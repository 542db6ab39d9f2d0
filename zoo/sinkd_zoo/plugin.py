"""The zoo as a plugin: its sources and its commands, through the same door as anyone's."""

from __future__ import annotations

from collections.abc import Sequence

import click

from sinkd_plugin.hookspecs import hookimpl
from sinkd_plugin.specs import CommandSpec, ZooSourceSpec


@hookimpl
def sinkd_zoo_sources() -> Sequence[ZooSourceSpec]:
    """The sources that ship with the project."""
    from sinkd_zoo.folder_source import SPEC

    return (SPEC,)


@hookimpl
def sinkd_commands() -> Sequence[CommandSpec]:
    """``sinkd zoo``."""
    return (
        CommandSpec(
            name="zoo", summary="List, download, verify and publish pre-distilled students.", load=_zoo_command
        ),
    )


def _zoo_command() -> click.Command:
    from sinkd_zoo.commands import command

    return command
