"""``sinkd export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from click.core import ParameterSource

from sinkd_export.convert.recipe import OPSET, TOLERANCE, OptimizationLevel, Quantization, Recipe
from sinkd_export.destination import check_destination
from sinkd_export.families import Form
from sinkd_plugin.console import note, print_json
from sinkd_plugin.errors import UserError
from sinkd_plugin.options import validate

if TYPE_CHECKING:
    from sinkd_export.report import ExportReport

FORMS: tuple[Form, ...] = get_args(Form)


@click.command(
    "export",
    epilog="Example: sinkd export runs/quickstart/student --to exported --task reviews --quantize int8",
    no_args_is_help=True,
)
@click.argument("model")
@click.option("--to", "into", type=click.Path(path_type=Path), required=True, help="Folder to make.")
@click.option("--target", default="onnx", show_default=True, help="One of `sinkd list targets`.")
@click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="TASK",
    help="'classification' or 'generation': what the graphs compute. Any other name: the task to verify and score on, "
    "by default the one the model was trained on. May be given for both.",
)
@click.option("--optimize", type=click.Choice(get_args(OptimizationLevel)), help="Write fusions into the file.")
@click.option("--quantize", type=click.Choice(get_args(Quantization)), help="Lower the precision, if it costs little.")
@click.option("--static", is_flag=True, help="Fix int8 ranges on the task's training texts, instead of in each call.")
@click.option(
    "--per-channel/--per-tensor", default=True, show_default=True, help="int8 scales: one an output, or one for all."
)
@click.option(
    "--tolerance",
    type=float,
    default=TOLERANCE,
    show_default=True,
    help="What a lower precision may cost of the task's metric (without a task: share of labels that change).",
)
@click.option("--opset", type=int, default=OPSET, show_default=True, help="Version of the ONNX operator set.")
@click.option(
    "--layout",
    type=click.Choice(["flat", "transformers.js"]),
    default="flat",
    show_default=True,
    help="Graphs beside the configuration, or under onnx/ with a suffix for each precision.",
)
@click.option("--external-data", is_flag=True, help="Keep the weights in a file of their own, whatever their size.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder with the task's files."
)
@click.option(
    "--samples", type=click.IntRange(min=1), help="Score on at most this many validation examples; by default on all."
)
@click.option(
    "--texts", type=click.Path(path_type=Path), help="Verify on this file: a text a line, a tab parts a pair."
)
@click.option("--force", is_flag=True, help="Replace an earlier export.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def command(
    context: click.Context,
    /,
    model: str,
    into: Path,
    target: str,
    tasks: tuple[str, ...],
    layout: Any,
    data_dir: Path | None,
    samples: int | None,
    texts: Path | None,
    force: bool,
    as_json: bool,
    **recipe: Any,
) -> None:
    """Convert MODEL, and compare it with PyTorch on real sentences before it gets its name.

    MODEL is a Transformers folder, a run folder, zoo:NAME, package:NAME/FOLDER or a hub id. The folder then holds
    model.onnx (of a model that writes texts: encoder_model.onnx and decoder_model_merged.onnx), config.json, the
    tokenizer, README.md and export.json, the report of the comparison.
    """
    options = validate(Recipe, recipe)
    _refuse_idle_options(context, options)
    form, task = _form_and_task(tasks)
    check_destination(into, overwrite=force)
    from sinkd_export.asking import asked_source
    from sinkd_export.export import export_model
    from sinkd_export.sentences import choose_sentences
    from sinkd_export.source import find_source
    from sinkd_export.targets import export_targets

    spec = export_targets().get(target)
    source = find_source(model, spec, form)
    sentences = choose_sentences(source.folder, task=task, data_dir=data_dir, texts=texts, samples=samples)
    source, sentences = asked_source(source, sentences)
    note(f"Exporting {model} to {target}, verifying on {len(sentences.texts)} sentences: {sentences.source}.")
    report = export_model(
        source, into, target=spec, sentences=sentences, recipe=options, layout=layout, overwrite=force
    )
    price = report.price
    if price is not None and not price.kept:
        note(f"Warning: {price.variant} is not kept: {price.reason}. The export holds {report.precision}.")
    if as_json:
        print_json({"folder": str(into), **report.to_dict()})
    else:
        _print(report, into)


def _refuse_idle_options(context: click.Context, recipe: Recipe) -> None:
    """Whoever gives an option expects something of it."""
    lowered = recipe.quantize is not None or recipe.optimize == "O4"
    idle = {
        "per_channel": ("--per-channel and --per-tensor are", recipe.quantize != "int8", "--quantize int8"),
        "tolerance": ("--tolerance is", not lowered, "--quantize int8 or fp16, or --optimize O4"),
    }
    for name, (option, nothing, needed) in idle.items():
        if nothing and context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise UserError(
                f"{option} for a lower precision: {needed}.",
                received=f"--quantize {recipe.quantize}" if recipe.quantize else "no lower precision",
                cure=f"Add {needed}, or leave it out.",
            )


def _form_and_task(tasks: tuple[str, ...]) -> tuple[Form | None, str | None]:
    forms = [form for form in FORMS if form in tasks]
    named = [task for task in tasks if task not in FORMS]
    if len(forms) > 1 or len(named) > 1 or len(set(tasks)) < len(tasks):
        raise UserError(
            "--task takes one of 'classification' and 'generation', and one task to verify on.",
            received=", ".join(tasks),
        )
    return next(iter(forms), None), next(iter(named), None)


def _print(report: ExportReport, folder: Path) -> None:
    from sinkd_export.export_table import print_report

    print_report(report, folder)
