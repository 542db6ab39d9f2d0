"""``sinkd sweep``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from sinkd_plugin.cli.workers import other_workers
from sinkd_plugin.console import print_json


@click.command("sweep", epilog="Example: sinkd sweep studies/paper_grid.yaml --set trials=12 --workers 2")
@click.argument("sweep_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change one dotted key; may be repeated.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes on this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print the best setting and all others on stdout.")
def command(sweep_file: Path, changes: tuple[str, ...], workers: int, as_json: bool) -> None:
    """Search for the setting of a run that is best on the validation split, as the YAML or JSON file CONFIG says.

    Called again it goes on where it stopped. Any number of processes and machines that are given the same storage
    share the trials. Ends with best.yaml in the sweep's folder, for `sinkd distill`, which scores it on the test split.
    """
    from sinkd_plugin.sweep.sweep import choose, load_sweep, run_sweep
    from sinkd_plugin.sweep.table import print_tried

    sweep = load_sweep(sweep_file, changes)
    with other_workers(workers - 1, ["sweep", str(sweep_file)], changes):
        found = run_sweep(sweep)
    best, path = choose(sweep, found)
    if as_json:
        print_json({"best": asdict(best), "run": str(path), "trials": [asdict(each) for each in found]})
    else:
        print_tried(sweep, found)
        click.echo(str(path))
