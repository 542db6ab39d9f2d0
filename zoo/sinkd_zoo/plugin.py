"""The zoo as a plugin: its sources and its commands, through the same door as anyone's."""

from __future__ import annotations

from collections.abc import Sequence

import click

from sinkd_plugin.hookspecs import hookimpl
from sinkd_plugin.specs import CommandSpec, ZooSourceSpec


@hookimpl
def sinkd_zoo_sources() -> Sequence[ZooSourceSpec]:
    """The sources that ship with the project."""
    from sinkd_zoo import bundled_source, folder_source
    from sinkd_zoo.web_sources import WEB_SOURCES

    return (bundled_source.SPEC, folder_source.SPEC, *WEB_SOURCES)


@hookimpl
def sinkd_commands() -> Sequence[CommandSpec]:
    """``sinkd zoo``."""
    return (
        CommandSpec(
            name="zoo", summary="List, download, verify, publish and build pre-distilled students.", load=_zoo_command
        ),
    )


def _zoo_command() -> click.Command:
    from sinkd_zoo.commands import command

    return command
