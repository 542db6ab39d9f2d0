"""``sinkd evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from sinkd_plugin.console import print_json


@click.command("evaluate", epilog="Example: sinkd evaluate runs/quickstart/student --task reviews --json")
@click.argument("model")
@click.option("--task", help="The task; by default the one the model was trained on.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder that holds the task's files.")
@click.option("--prompt", help="Name of one of the task's prompts, for generative models.")
@click.option("--max-length", type=int, help="Cut texts to this many tokens.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, …")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def command(
    model: str,
    task: str | None,
    data_dir: Path | None,
    prompt: str | None,
    max_length: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Score MODEL on a task's test split, with 95 % bootstrap intervals.

    MODEL is a Transformers folder, a run folder, package:NAME/FOLDER, zoo:NAME or a hub id.
    """
    from sinkd_plugin.training.evaluate import evaluate, evaluation_options
    from sinkd_plugin.training.scores_table import print_model_scores

    options = evaluation_options(
        model, task=task, data_dir=data_dir, max_length=max_length, device=device, prompt=prompt
    )
    scores = evaluate(model, options)
    if as_json:
        print_json(scores)
    else:
        print_model_scores(scores)
