"""``sinkd zoo``: results on stdout, everything else on stderr."""

from __future__ import annotations

import click

from sinkd_zoo.commands.fetching import download_command, prune_command, verify_command
from sinkd_zoo.commands.looking import info_command, list_command
from sinkd_zoo.commands.making import build_command, publish_command


@click.group(name="zoo", epilog="Example: sinkd zoo list --task reviews")
def command() -> None:
    """List, download, verify, publish and build pre-distilled students."""


_COMMANDS = (
    list_command, info_command, download_command, verify_command, prune_command, publish_command, build_command
)  # fmt: skip
for _each in _COMMANDS:
    command.add_command(_each)
