"""``sinkd zoo download``, ``sinkd zoo verify`` and ``sinkd zoo prune``."""

from __future__ import annotations

from pathlib import Path

import click

from sinkd_plugin.console import note, print_json
from sinkd_plugin.errors import ChecksumError, UserError, unknown_name
from sinkd_plugin.zoo_cache import cached_students
from sinkd_plugin.zoo_offers import parted
from sinkd_zoo.commands import options
from sinkd_zoo.places import only
from sinkd_zoo.tables import checked_json, print_checked


@click.command(
    name="download",
    epilog="Examples: sinkd zoo download minilm-l3-reviews --to students/reviews; "
    "sinkd zoo download NAME --source https://zoo.example.org/students",
)
@click.argument("name", metavar="NAME[@REVISION]")
@click.option("--to", type=click.Path(path_type=Path), help="Folder for its files; by default they stay in the cache.")
@click.option("--revision", help="Which revision; by default the newest.")
@options.sources
@options.as_json
def download_command(name: str, to: Path | None, revision: str | None, sources: tuple[str, ...], as_json: bool) -> None:
    """Fetch a student, verify every file, and print its folder.

    What is in the cache is not fetched again, and what was interrupted goes on where it stopped.
    """
    from sinkd_zoo.downloading import download

    with only(sources):
        folder = download(name, to, revision)
    if as_json:
        print_json({"name": parted(name)[0], "folder": str(folder)})
    else:
        click.echo(folder)


@click.command(name="verify", epilog="Example: sinkd zoo verify minilm-l3-reviews")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@options.as_json
def verify_command(names: tuple[str, ...], as_json: bool) -> None:
    """Hash the cached students again; needs no source. Ends with 1 if a file is not the one that was published."""
    cached = cached_students()
    known = {student.card.name for student in cached}
    for name in names:
        if name not in known:
            raise unknown_name("student in the cache", name, known)
    chosen = [student for student in cached if not names or student.card.name in names]
    checked = [(student, student.problems()) for student in chosen]
    if as_json:
        print_json([checked_json(student, problems) for student, problems in checked])
    else:
        print_checked(checked)
    damaged = [f"'{student.folder}': {problem}" for student, problems in checked for problem in problems]
    if damaged:
        raise ChecksumError(
            "Cached students must be what was published.",
            received="; ".join(damaged),
            cure="`sinkd zoo download NAME` fetches a damaged student again, `sinkd zoo prune NAME` removes it.",
        )


@click.command(
    name="prune", epilog="Examples: sinkd zoo prune --dry-run; sinkd zoo prune minilm-l3-reviews; sinkd zoo prune --all"
)
@click.argument("names", nargs=-1, metavar="[NAME[@REVISION]]...")
@click.option("--all", "everything", is_flag=True, help="Every cached student.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@options.as_json
def prune_command(names: tuple[str, ...], everything: bool, dry_run: bool, as_json: bool) -> None:
    """Remove cached students that are no longer needed, and what interrupted downloads left.

    Without a NAME these are the revisions that a newer one of the same source has replaced. What another process is
    using just now stays.
    """
    from sinkd_zoo.prune import prune

    if names and everything:
        raise UserError("Give either names or --all.", received=f"{' '.join(names)} --all")
    removed = prune(names, everything=everything, dry_run=dry_run)
    if as_json:
        print_json([{"path": str(each.path), "bytes": each.size, "reason": each.reason} for each in removed])
    else:
        for each in removed:
            click.echo(each.path)
        freed = sum(each.size for each in removed) / 2**20
        note(f"{len(removed)} {'to remove' if dry_run else 'removed'}, {freed:.1f} MiB.")
