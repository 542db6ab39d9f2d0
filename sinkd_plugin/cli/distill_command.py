"""``sinkd distill``."""

from __future__ import annotations

from pathlib import Path

import click

from sinkd_plugin.console import print_json, speaks
from sinkd_plugin.errors import UserError


@click.command(
    "distill",
    epilog="Example: sinkd distill examples/quickstart.yaml --set training.seed=1 --set training.output_dir=runs/seed1",
)
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change one dotted key; may be repeated.")
@click.option("--resume", is_flag=True, help="Insist that the run folder holds this run, unfinished or finished.")
@click.option("--overwrite", is_flag=True, help="Replace the run of another configuration in the run folder.")
@click.option("--json", "as_json", is_flag=True, help="Print result.json on stdout.")
def command(config_file: Path, changes: tuple[str, ...], resume: bool, overwrite: bool, as_json: bool) -> None:
    """Train a student from a teacher, as the YAML or JSON file CONFIG says.

    The run folder (training.output_dir) then holds config.yaml, metrics.jsonl, result.json, the teacher, and the
    student as a plain Transformers folder. Called again, it goes on where it stopped.

    Several processes, on one or more GPUs or machines, train the same student together:
    torchrun --nproc-per-node 2 -m sinkd_plugin distill CONFIG
    """
    from sinkd_plugin.training.config import load_config
    from sinkd_plugin.training.run import run
    from sinkd_plugin.training.run_folder import CONFIG_FILE
    from sinkd_plugin.training.scores_table import print_scores

    config = load_config(config_file, changes)
    folder = config.training.output_dir
    if resume and not (folder / CONFIG_FILE).is_file():
        raise UserError(
            "There must be a run to resume.", received=f"'{folder}'", cure="Leave --resume out to start it."
        )
    result = run(config, overwrite=overwrite)
    if not speaks():
        return
    if as_json:
        print_json(result)
    else:
        print_scores(result)
        click.echo(str(folder / "student"))
