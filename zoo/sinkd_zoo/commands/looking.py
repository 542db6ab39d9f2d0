"""``sinkd zoo list`` and ``sinkd zoo info``."""

from __future__ import annotations

import click

from sinkd_plugin.console import note, print_json
from sinkd_plugin.errors import SinkdError
from sinkd_zoo.catalogue import Row, find_row, rows
from sinkd_zoo.commands import options
from sinkd_zoo.places import VARIABLE, only
from sinkd_zoo.tables import print_card, print_rows, row_json

_EMPTY = (
    f"No zoo offers a student yet. Set {VARIABLE} to folders that `sinkd zoo publish RUN --to DIR` made, or to the "
    "addresses of such folders (several are separated as in PATH), or install a plugin with a zoo source."
)


@click.command(name="list", epilog="Example: sinkd zoo list --task reviews --architecture encoder")
@click.option("--task", help="Only students of this task.")
@click.option("--architecture", help="Only students of this model family.")
@click.option("--revisions", is_flag=True, help="Every revision of each name, not only the newest.")
@options.sources
@options.as_json
def list_command(
    task: str | None, architecture: str | None, revisions: bool, sources: tuple[str, ...], as_json: bool
) -> None:
    """List the students that the zoo sources offer, and those in the cache.

    Scores, latencies and sizes are those that were measured when a student was published.
    """
    with only(sources):
        found, failures = rows(every_revision=revisions)
    wanted = [row for row in found if _matches(row, task, architecture)]
    if as_json:
        print_json([row_json(row) for row in wanted])
    elif wanted:
        print_rows(wanted)
    _tell(failures)
    if not wanted:
        note(f"None of the {len(found)} students matches." if found else _EMPTY)


def _matches(row: Row, task: str | None, architecture: str | None) -> bool:
    return task in (None, row.card.task) and architecture in (None, row.card.architecture)


def _tell(failures: list[SinkdError]) -> None:
    """What could not be read: being offline is the user's own wish, everything else is an error."""
    from sinkd_zoo.settings import OfflineError

    for failure in failures:
        if isinstance(failure, OfflineError):
            note(f"Not asked: {failure}")
    errors = [failure for failure in failures if not isinstance(failure, OfflineError)]
    for error in errors[1:]:
        note(f"Error: {error}")
    if errors:
        raise errors[0]


@click.command(name="info", epilog="Example: sinkd zoo info minilm-l3-reviews")
@click.argument("name", metavar="NAME[@REVISION]")
@click.option("--revision", help="Which revision; by default the newest.")
@options.sources
@options.as_json
def info_command(name: str, revision: str | None, sources: tuple[str, ...], as_json: bool) -> None:
    """Show a student's card: scores, teacher, data, recipe, files with sha256."""
    with only(sources):
        row = find_row(name, revision)
    if as_json:
        print_json(row_json(row))
    else:
        print_card(row)
