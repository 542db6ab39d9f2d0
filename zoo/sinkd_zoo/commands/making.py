"""``sinkd zoo publish`` and ``sinkd zoo build``."""

from __future__ import annotations

from pathlib import Path

import click

from sinkd_plugin.console import note, print_json
from sinkd_zoo.bundled_source import FOLDER
from sinkd_zoo.card import card_to_json
from sinkd_zoo.commands import options
from sinkd_zoo.places import VARIABLE, folder_to_write, kind_of


@click.command(
    name="publish",
    epilog="Examples: sinkd zoo publish runs/quickstart --to my-zoo --license Apache-2.0; "
    "sinkd zoo publish runs/quickstart --to hf://org/name",
)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", required=True, metavar="DIR|hf://ORG/NAME", help="Folder of the static zoo, or a repository.")
@click.option("--name", help="Name of the student; by default architecture-size-task.")
@click.option("--license", "license_", help="SPDX identifier of the weights, where the run does not tell it.")
@click.option("--new-revision", is_flag=True, help="Add it to a name that is taken, as its next revision.")
@options.as_json
def publish_command(
    run: Path, to: str, name: str | None, license_: str | None, new_revision: bool, as_json: bool
) -> None:
    """Add the student of a finished run to a static zoo, with its card and checksums.

    The folder can then be used as it is, copied, or put behind any web server.
    """
    if kind_of(to) == "hub":
        from sinkd_zoo.hub_publish import publish_to_hub

        card = publish_to_hub(run, to, name, license_)
    else:
        from sinkd_zoo.publish import publish

        card = publish(run, folder_to_write(to), name, new_revision=new_revision, license_=license_)
    if as_json:
        print_json(card_to_json(card))
    else:
        click.echo(card.name)
        note(f"Published in '{to}'. Whoever sets {VARIABLE} to it can use zoo:{card.name} as a model.")


@click.command(
    name="build",
    epilog="Examples: sinkd zoo build minilm-l3-reviews --to my-zoo; sinkd zoo build mine.yaml --to my-zoo",
)
@click.argument("name", metavar="NAME|FILE.yaml")
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    default=FOLDER,
    help="Folder of the static zoo; by default the zoo that ships with this package.",
)
@click.option("--work", type=click.Path(path_type=Path), help="Folder for the run; by default runs/zoo/NAME.")
@click.option("--new-revision", is_flag=True, help="Add it to a name that is taken, as its next revision.")
@options.as_json
def build_command(name: str, to: Path, work: Path | None, new_revision: bool, as_json: bool) -> None:
    """Make a student from its recipe: distil, make it smaller, score, time and publish it.

    A second build on the same machine gives the same student. One that was interrupted goes on where it stopped.
    """
    from sinkd_zoo.build import build

    student = build(name, to, work or Path("runs", "zoo", Path(name).stem), new_revision=new_revision)
    if as_json:
        print_json(card_to_json(student))
    else:
        click.echo(student.name)
        note(f"Published in '{to}', revision {student.revision}.")
