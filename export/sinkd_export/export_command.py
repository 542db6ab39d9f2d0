"""``sinkd export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sinkd_plugin.console import note, print_json, stdout

if TYPE_CHECKING:
    from sinkd_export.report import ExportReport


@click.command(
    "export", epilog="Example: sinkd export runs/quickstart/student --to exported --task reviews", no_args_is_help=True
)
@click.argument("model")
@click.option("--to", "into", type=click.Path(path_type=Path), required=True, help="Folder to make.")
@click.option("--target", default="onnx", show_default=True, help="One of `sinkd list targets`.")
@click.option("--task", help="Verify on this task's test split; by default the one the model was trained on.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder with the task's files.")
@click.option(
    "--texts", type=click.Path(path_type=Path), help="Verify on this file: a text a line, a tab parts a pair."
)
@click.option("--force", is_flag=True, help="Replace an earlier export.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    model: str,
    into: Path,
    target: str,
    task: str | None,
    data_dir: Path | None,
    texts: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Convert MODEL, and compare it with PyTorch on real sentences before it gets its name.

    MODEL is a Transformers folder, a run folder, zoo:NAME, package:NAME/FOLDER or a hub id. The folder then holds
    model.onnx, config.json, the tokenizer, README.md and export.json, the report of the comparison.
    """
    from sinkd_export.export import export_model
    from sinkd_export.sentences import choose_sentences
    from sinkd_export.source import find_source
    from sinkd_export.targets import export_targets

    spec = export_targets().get(target)
    source = find_source(model, spec)
    sentences = choose_sentences(source.folder, task=task, data_dir=data_dir, texts=texts)
    note(f"Exporting {model} to {target}, verifying on {len(sentences.texts)} sentences: {sentences.source}.")
    report = export_model(source, into, target=spec, sentences=sentences, overwrite=force)
    if as_json:
        print_json({"folder": str(into), **report.to_dict()})
    else:
        _print(report, into)


def _print(report: ExportReport, folder: Path) -> None:
    from rich.table import Table

    table = Table("compared with PyTorch on", "rows", "max |Δ|", "mean |Δ|", "same label")
    for case in report.parity.cases:
        figures = (f"{case.max_difference:.2g}", f"{case.mean_difference:.2g}", f"{case.argmax_agreement:.1%}")
        table.add_row(case.case, str(case.rows), *figures)
    stdout.print(table)
    size_mb = sum(record.size_bytes for record in report.files.values()) / 1e6
    stdout.print(
        f"Largest difference {report.parity.relative_difference:.2g} of the logit range "
        f"(accepted: {report.parity.tolerance:g}). {size_mb:.1f} MB in {folder}",
        markup=False,
    )
