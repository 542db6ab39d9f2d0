"""``sinkd run``."""

from __future__ import annotations

import click


@click.command(
    "run",
    epilog="Example: sinkd run train.py --epochs 3",
    context_settings={
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
        "help_option_names": ["-h", "--help"],
    },
)
@click.argument("script", type=click.Path())
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(script: str, arguments: tuple[str, ...]) -> None:
    """Run a TextBrewer script that knows nothing of sinkd, as `python SCRIPT` would.

    Only its configuration changes: kd_loss_type="sinkd", or any other name of `sinkd list losses`. What follows SCRIPT
    is the script's, and so are the output, the traceback and the exit code.
    """
    from sinkd_plugin.textbrewer.script import run_script

    run_script(script, arguments)
