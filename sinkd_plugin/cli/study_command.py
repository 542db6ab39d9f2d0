"""``sinkd study``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from sinkd_plugin.cli.workers import other_workers
from sinkd_plugin.console import print_json


@click.command(
    "study",
    epilog="Example: sinkd study studies/reviews.yaml --workers 2",
)
@click.argument("study_file", metavar="STUDY", type=click.Path(path_type=Path))
@click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change one dotted key; may be repeated.")
@click.option("--smoke", is_flag=True, help="Run the small version that the study describes, in minutes.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes on this machine.")
@click.option("--retry-failed", is_flag=True, help="Run cells that failed once more.")
@click.option("--report-only", is_flag=True, help="Run nothing; write the report of what there is.")
@click.option("--json", "as_json", is_flag=True, help="Print one object a cell on stdout.")
def command(
    study_file: Path,
    changes: tuple[str, ...],
    smoke: bool,
    workers: int,
    retry_failed: bool,
    report_only: bool,
    as_json: bool,
) -> None:
    """Compare ways to distil, over tasks and seeds, as the YAML or JSON file STUDY says.

    Every cell is an ordinary run; cells that have ended are never run again. The same command on another machine that
    shares the study's folder takes part in the work. Ends with report.html in the study's results folder.
    """
    from sinkd_plugin.study.study import load_study, report_study, run_study

    study = load_study(study_file, changes, smoke=smoke)
    if not report_only:
        with other_workers(workers - 1, ["study", str(study_file), *["--smoke"] * smoke], changes):
            run_study(study, retry_failed=retry_failed)
    report, rows = report_study(study, _typed(study_file, changes, smoke))
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        click.echo(str(report))


def _typed(study_file: Path, changes: tuple[str, ...], smoke: bool) -> str:
    return " ".join(["sinkd study", str(study_file), *(f"--set {change}" for change in changes), *["--smoke"] * smoke])
