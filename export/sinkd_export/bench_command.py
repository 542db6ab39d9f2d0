"""``sinkd bench``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sinkd_plugin.console import note, print_json, stdout
from sinkd_plugin.errors import UserError
from sinkd_plugin.options import validate
from sinkd_plugin.storage import write_json

if TYPE_CHECKING:
    from sinkd_export.bench import BenchReport


@click.command("bench", epilog="Example: sinkd bench teacher student exported --shape 1x16 --shape 8x128")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--shape", "shapes", multiple=True, help="BATCHxLENGTH; by default 1x16, 1x128 and 8x128.")
@click.option("--batch", help="Batches to time, such as 1,8,32; together with --seq, in place of --shape.")
@click.option("--seq", help="Lengths to time, in tokens, such as 16,128.")
@click.option(
    "--provider",
    default="cpu",
    show_default=True,
    help="Execution providers of onnxruntime, such as cpu,cuda,tensorrt; one that is not there is told, not replaced.",
)
@click.option("--require", help="End with an error if this provider is not there.")
@click.option("--threads", default=1, show_default=True, help="Threads of either backend.")
@click.option("--rounds", type=int, help="Rounds per shape; by default as many as fit into --seconds.")
@click.option("--seconds", default=15.0, show_default=True, help="Time for all rounds together.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the whole record, raw values included, as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print that record instead of the tables.")
def command(
    models: tuple[str, ...],
    shapes: tuple[str, ...],
    batch: str | None,
    seq: str | None,
    provider: str,
    require: str | None,
    threads: int,
    rounds: int | None,
    seconds: float,
    output: Path | None,
    as_json: bool,
) -> None:
    """Time MODELs against the first of them, one call of each a round.

    A Transformers folder (or hub id, zoo:NAME, package:NAME/FOLDER) runs in PyTorch; a folder made by `sinkd export`
    runs in onnxruntime.
    """
    from sinkd_export.bench import BenchOptions, bench
    from sinkd_export.bench.options import parse_numbers, parse_shape, shape_grid
    from sinkd_export.bench.providers import check_required, named_providers

    given: dict[str, Any] = {"shapes": tuple(parse_shape(shape) for shape in shapes)} if shapes else {}
    if batch is not None or seq is not None:
        if shapes:
            raise UserError("Give either --shape, or --batch and --seq.", received=", ".join(shapes))
        given = {"shapes": shape_grid(parse_numbers(batch or "1", "--batch"), parse_numbers(seq or "16,128", "--seq"))}
    check_required(require)
    given["providers"] = named_providers(provider)
    options = validate(BenchOptions, {"threads": threads, "rounds": rounds, "seconds": seconds, **given})
    report = bench(models, options)
    if output is not None:
        write_json(output, report.to_dict())
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report, output)


def _print(report: BenchReport, output: Path | None) -> None:
    from sinkd_export.bench.table import latency_table, model_table

    stdout.print(latency_table(report))
    stdout.print(model_table(report))
    for found in report.agreements:
        note(
            f"{found.model} and {found.compared_with}, same weights, at {found.shape}: "
            f"largest difference of a logit {found.max_difference:.2g}."
        )
    for warning in report.warnings:
        note(f"Warning: {warning}")
    if output is not None:
        note(f"Everything measured is in {output}.")
