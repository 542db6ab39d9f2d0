"""Options that several commands share."""

from __future__ import annotations

import click

from sinkd_zoo.places import VARIABLE

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
sources = click.option(
    "--source",
    "sources",
    metavar="PLACE",
    multiple=True,
    help=f"Look at this zoo only, whatever {VARIABLE} says: a folder, https://…, or hf://ORG/NAME; may be repeated.",
)
