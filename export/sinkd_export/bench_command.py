"""``sinkd bench``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from sinkd_plugin.console import note, print_json, stdout
from sinkd_plugin.errors import UserError
from sinkd_plugin.options import validate
from sinkd_plugin.storage import check_writable, write_json

if TYPE_CHECKING:
    from sinkd_export.bench import BenchReport

EXAMPLES = """\b
Examples:
  sinkd bench teacher student exported --shape 1x16 --shape 8x128
  sinkd bench teacher student --form all --task reviews --report report.html
  sinkd bench zoo:t5-tiny-reviews --form eager,fp32,int8 --new-tokens 32
  sinkd bench student exported/onnx/model_quantized.onnx
  sinkd bench exported --provider cpu,cuda --require cuda
  sinkd bench --compare before.json after.json
"""


@click.command("bench", epilog=EXAMPLES)
@click.argument("models", nargs=-1, metavar="MODEL...")
@click.option("--shape", "shapes", multiple=True, help="BATCHxLENGTH; by default 1x16, 1x128 and 8x128.")
@click.option("--batch", help="Batches to time, such as 1,8,32; together with --seq, in place of --shape.")
@click.option("--seq", help="Lengths to time, in tokens, such as 16,128.")
@click.option(
    "--form",
    help="Forms of a Transformers folder: eager, compile, fp32, O1 to O4, int8, fp16, cudagraph, or all. "
    "An exported folder is timed as it is.  [default: eager]",
)
@click.option("--task", help="Score the models on this task, and time them on its own texts, padded and sorted.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder with the task's files."
)
@click.option("--samples", type=int, help="Texts of the task that are timed.  [default: 128]")
@click.option("--max-length", type=int, help="Cut and pad the task's texts to this; by default as in training.")
@click.option("--new-tokens", type=int, help="Tokens that a generative model writes in a call.  [default: 32]")
@click.option(
    "--provider",
    default="cpu",
    show_default=True,
    help="Execution providers, such as cpu,cuda,tensorrt; one that is not there is told, not replaced.",
)
@click.option("--require", help="End with an error if this provider is not there.")
@click.option("--threads", default=1, show_default=True, help="Threads of either backend.")
@click.option("--rounds", type=int, help="Rounds per shape; by default as many as fit into --seconds.")
@click.option("--seconds", default=15.0, show_default=True, help="Time for all rounds together.")
@click.option(
    "--memory/--no-memory", default=True, help="Measure loading and memory of each model in a process of its own."
)
@click.option("--output", type=click.Path(path_type=Path), help="Write the whole record, raw values included, as JSON.")
@click.option("--report", type=click.Path(path_type=Path), help="Write a page with plots that needs no other file.")
@click.option(
    "--compare",
    nargs=2,
    type=click.Path(path_type=Path),
    metavar="BEFORE AFTER",
    help="Compare two records in place of timing.",
)
@click.option("--json", "as_json", is_flag=True, help="Print that record instead of the tables.")
def command(
    models: tuple[str, ...], compare: tuple[Path, Path] | None, as_json: bool, report: Path | None, **given: Any
) -> None:
    """Time MODELs against the first of them, one call of each a round.

    A Transformers folder (or hub id, zoo:NAME, package:NAME/FOLDER) runs in PyTorch, and in onnxruntime in every
    --form that is asked for; a folder made by `sinkd export`, or one graph of it, runs in onnxruntime. Generative
    models write text.
    """
    if compare is not None:
        _compare(compare, as_json)
        return
    from sinkd_export.bench import bench
    from sinkd_export.bench.providers import check_required

    if not models:
        raise UserError("Give a model at least, or two records to --compare.", received="neither")
    check_required(given.pop("require"))
    output = given.pop("output")
    options = _options(**given)
    written = [path for path in (output, report) if path is not None]
    _check_places(output, report)  # before the timing, which takes long
    found = bench(models, options)
    if output is not None:
        write_json(output, found.to_dict())
    if report is not None:
        from sinkd_export.bench.page import write_page

        write_page(report, found)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found, written)


def _options(
    shapes: tuple[str, ...], batch: str | None, seq: str | None, form: str | None, provider: str, **others: Any
) -> Any:
    from sinkd_export.bench import BenchOptions
    from sinkd_export.bench.forms import parse_forms
    from sinkd_export.bench.options import parse_numbers, parse_shape, shape_grid
    from sinkd_export.bench.providers import named_providers

    given = {name: value for name, value in others.items() if value is not None}
    if shapes:
        given["shapes"] = tuple(parse_shape(shape) for shape in shapes)
    if batch is not None or seq is not None:
        if shapes:
            raise UserError("Give either --shape, or --batch and --seq.", received=", ".join(shapes))
        given["shapes"] = shape_grid(parse_numbers(batch or "1", "--batch"), parse_numbers(seq or "16,128", "--seq"))
    given["providers"] = named_providers(provider)
    if form is not None:
        given["forms"] = parse_forms(form, given["providers"])
    return validate(BenchOptions, given)


RECORD_BEGINS, PAGE_BEGINS = '{\n  "schema_version"', "<!doctype html>"


def _check_places(output: Path | None, report: Path | None) -> None:
    """Accept files to write: new ones, and what an earlier run has written there."""
    if output is not None and report is not None and output.resolve() == report.resolve():
        raise UserError("--output and --report must be two files.", received=f"'{output}' for both")
    for path, beginning in ((output, RECORD_BEGINS), (report, PAGE_BEGINS)):
        if path is None:
            continue
        check_writable(path)
        if path.is_file() and path.stat().st_size and not path.read_bytes().startswith(beginning.encode()):
            raise UserError(
                "--output and --report replace what an earlier run has written, and nothing else.",
                received=f"'{path}', which is something else",
                cure="Choose another name, or remove that file yourself.",
            )


def _compare(records: tuple[Path, Path], as_json: bool) -> None:
    from sinkd_export.bench.compare import compare_records, comparison_table

    context = click.get_current_context()
    given = {name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    others = sorted(given - {"compare", "as_json"})
    if others:
        raise UserError(
            "--compare takes two records, and --json; it times no model.",
            received=", ".join(others),
            cure="Leave these out, or leave out --compare.",
        )
    comparison = compare_records(*records)
    if as_json:
        print_json(comparison.to_dict())
        return
    stdout.print(comparison_table(comparison))
    for warning in comparison.warnings:
        note(f"Warning: {warning}")


def _print(report: BenchReport, written: list[Path]) -> None:
    from sinkd_export.bench.table import tables

    for table in tables(report):
        stdout.print(table)
    peak = report.peak
    if peak is not None:
        note(
            f"Peak measured in this run: {peak.float32_gflops:.0f} GFLOP/s in float32, {peak.int8_gops:.0f} GOP/s in "
            f"int8 ({report.int8_instructions})."
        )
    for found in report.agreements:
        told = (
            f"{found.argmax_agreement:.1%} of the tokens are the same"
            if found.max_difference is None
            else f"largest difference of a logit {found.max_difference:.2g}"
        )
        note(f"{found.model} and {found.compared_with}, same weights, at {found.shape}: {told}.")
    for absent in report.unavailable:
        note(f"Not timed: {absent.model}: {absent.reason}")
    for warning in report.warnings:
        note(f"Warning: {warning}")
    for path in written:
        note(f"Written: {path}")
