"""``sinkd quickstart``."""

from __future__ import annotations

import shlex
import sys
from contextlib import redirect_stdout

import click

from sinkd_plugin.catalog import catalog
from sinkd_plugin.console import note, print_json
from sinkd_plugin.errors import MissingDependencyError


@click.command("quickstart", epilog="Example: sinkd quickstart --set training.output_dir=runs/first")
@click.option("--full", is_flag=True, help="All of the training data and more epochs, instead of a seeded subset.")
@click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change one dotted key; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def command(context: click.Context, full: bool, changes: tuple[str, ...], as_json: bool) -> None:
    """Distil, evaluate, export and time a real student, from nothing, in about ten minutes on two CPU cores.

    Runs `sinkd distill`, `sinkd export` and `sinkd bench` with examples/quickstart.yaml, and writes report.html into
    the run folder. A second call reuses what is there.
    """
    _check_rooms()
    from sinkd_plugin.quickstart import steps
    from sinkd_plugin.quickstart.report import write_report
    from sinkd_plugin.quickstart.summary import print_summary, summarize
    from sinkd_plugin.training.config import load_config

    configuration = steps.configuration_file()
    changes = (*(steps.FULL if full else ()), *changes)
    folder = load_config(configuration, changes).training.output_dir
    with redirect_stdout(sys.stderr):  # stdout holds the quickstart's own result alone
        _run(context, steps.distill_words(configuration, changes))
        for words in steps.later_steps(folder):
            _run(context, words)
    summary = summarize(folder)
    report = write_report(folder, summary)
    if as_json:
        print_json({**summary, "report": str(report)})
    else:
        print_summary(summary)
        click.echo(f"Report: {report}")


def _check_rooms() -> None:
    """The later steps are commands of the export room; better to miss them now than after minutes of training."""
    missing = [name for name in ("export", "bench") if name not in catalog().commands]
    if missing:
        raise MissingDependencyError(
            f"The quickstart needs the commands {' and '.join(missing)}.",
            received="an installation without them (see `sinkd plugins`)",
            cure="Run: pip install 'sinkd-plugin[all]'",
        )


def _run(context: click.Context, words: list[str]) -> None:
    note(f"\n$ sinkd {shlex.join(words)}")
    context.find_root().command.main(words, prog_name="sinkd", standalone_mode=False)
