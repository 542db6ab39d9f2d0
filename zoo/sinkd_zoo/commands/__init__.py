"""``sinkd zoo``: results on stdout, everything else on stderr."""

from __future__ import annotations

import click

from sinkd_zoo.commands.fetching import download_command, prune_command, verify_command
from sinkd_zoo.commands.looking import info_command, list_command
from sinkd_zoo.commands.making import publish_command


@click.group(name="zoo", epilog="Example: sinkd zoo list --task reviews")
def command() -> None:
    """List, download, verify, publish and build pre-distilled students."""


for _each in (list_command, info_command, download_command, verify_command, prune_command, publish_command):
    command.add_command(_each)
