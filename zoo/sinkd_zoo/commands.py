"""``sinkd zoo``: results on stdout, everything else on stderr."""

from __future__ import annotations

from pathlib import Path

import click

from sinkd_plugin.console import note, print_json
from sinkd_plugin.errors import ChecksumError, unknown_name
from sinkd_plugin.zoo_cache import cached_students, file_problems, find_offer, offers
from sinkd_zoo import tables
from sinkd_zoo.card import card_to_json
from sinkd_zoo.folder_source import VARIABLE

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
_EMPTY = (
    f"No zoo offers a student yet. Set {VARIABLE} to folders that `sinkd zoo publish RUN --to DIR` made "
    "(several are separated as in PATH), or install a plugin with a zoo source."
)


@click.group(name="zoo", epilog="Example: sinkd zoo list --task reviews")
def command() -> None:
    """List, download, verify and publish pre-distilled students."""


@command.command(name="list", epilog="Example: sinkd zoo list --task reviews --architecture encoder")
@click.option("--task", help="Only students of this task.")
@click.option("--architecture", help="Only students of this model family.")
@_json
def list_command(task: str | None, architecture: str | None, as_json: bool) -> None:
    """List the students that the zoo sources offer."""
    found, failures = offers()
    wanted = [
        offer for offer in found if task in (None, offer.card.task) and architecture in (None, offer.card.architecture)
    ]
    if as_json:
        print_json([tables.offer_json(offer) for offer in wanted])
    elif wanted:
        tables.print_offers(wanted)
    for failure in failures[1:]:
        note(f"Error: {failure}")
    if failures:
        raise failures[0]
    if not wanted:
        note(f"None of the {len(found)} students matches." if found else _EMPTY)


@command.command(name="info", epilog="Example: sinkd zoo info encoder-17m-reviews")
@click.argument("name")
@_json
def info_command(name: str, as_json: bool) -> None:
    """Show a student's card: scores, teacher, recipe, files with sha256."""
    offer = find_offer(name)
    if as_json:
        print_json(tables.offer_json(offer))
    else:
        tables.print_card(offer)


@command.command(name="download", epilog="Example: sinkd zoo download encoder-17m-reviews --to students/reviews")
@click.argument("name")
@click.option("--to", type=click.Path(path_type=Path), help="Folder for its files; by default they stay in the cache.")
@_json
def download_command(name: str, to: Path | None, as_json: bool) -> None:
    """Fetch a student, verify every file, and print its folder."""
    from sinkd_zoo.downloading import download

    folder = download(name, to)
    if as_json:
        print_json({"name": name, "folder": str(folder)})
    else:
        click.echo(folder)


@command.command(name="verify", epilog="Example: sinkd zoo verify encoder-17m-reviews")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_json
def verify_command(names: tuple[str, ...], as_json: bool) -> None:
    """Hash the cached students again; needs no source. Ends with 1 if a file is not the one that was published."""
    cached = cached_students()
    known = {student.folder.name for student in cached}
    for name in names:
        if name not in known:
            raise unknown_name("student in the cache", name, known)
    chosen = [student for student in cached if not names or student.folder.name in names]
    checked = [(student, file_problems(student.folder, student.files)) for student in chosen]
    if as_json:
        print_json([tables.checked_json(student, problems) for student, problems in checked])
    else:
        tables.print_checked(checked)
    damaged = [f"'{student.folder}': {problem}" for student, problems in checked for problem in problems]
    if damaged:
        raise ChecksumError(
            "Cached students must be what was published.",
            received="; ".join(damaged),
            cure="`sinkd zoo download NAME` fetches a damaged student again.",
        )


@command.command(
    name="publish", epilog="Example: sinkd zoo publish runs/quickstart --to my-zoo --name encoder-17m-reviews"
)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", type=click.Path(path_type=Path), required=True, help="Folder of the static zoo; made if missing.")
@click.option("--name", help="Name of the student; by default architecture-size-task.")
@_json
def publish_command(run: Path, to: Path, name: str | None, as_json: bool) -> None:
    """Add the student of a finished run to a static zoo, with its card and checksums."""
    from sinkd_zoo.publish import publish

    card = publish(run, to, name)
    if as_json:
        print_json(card_to_json(card))
    else:
        click.echo(card.name)
        note(f"Published in '{to}'. Whoever sets {VARIABLE} to that folder can use zoo:{card.name} as a model.")
