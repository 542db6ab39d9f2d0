"""A finished export as tables."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from sinkd_export.environment import int8_instructions
from sinkd_export.forms_table import trial_line, variant_cells
from sinkd_export.report import ExportReport
from sinkd_plugin.console import stdout


def print_report(report: ExportReport, folder: Path) -> None:
    """Print how close the export is to PyTorch, what each form scores, and where it lies."""
    stdout.print(_parity_table(report))
    if len(report.variants) > 2 or report.trial is not None:
        stdout.print(_variant_table(report))
    if report.trial is not None:
        stdout.print(trial_line(report), markup=False)
    gate = "" if report.parity.tolerance is None else f" (accepted: {report.parity.tolerance:g})"
    size_mb = sum(record.size_bytes for record in report.files.values()) / 1e6
    stdout.print(
        f"Largest difference {report.parity.relative_difference:.2g} of the logit range{gate}. "
        f"{size_mb:.1f} MB in {folder}",
        markup=False,
    )
    if report.price is not None and report.price.lost is not None:
        price = report.price
        stdout.print(
            f"{price.variant} costs {price.lost:.4f} ({price.measured_as}; accepted: {price.tolerance:g}), "
            f"measured with {int8_instructions(price.instruction_sets)}.",
            markup=False,
        )


def _parity_table(report: ExportReport) -> Table:
    unit = "label" if report.form == "classification" else "token"
    table = Table("compared with PyTorch on", "rows", "max |Δ|", "mean |Δ|", f"same {unit}")
    for case in report.parity.cases:
        figures = (f"{case.max_difference:.2g}", f"{case.mean_difference:.2g}", f"{case.argmax_agreement:.1%}")
        table.add_row(case.case, str(case.rows), *figures)
    return table


def _variant_table(report: ExportReport) -> Table:
    headings, rows = variant_cells(report)
    table = Table(*headings, "")
    for record, row in zip(report.variants, rows, strict=True):
        table.add_row(*row, _fate(report, record.name))
    return table


def _fate(report: ExportReport, name: str) -> str:
    record = next(record for record in report.variants if record.name == name)
    if record.refused is not None:
        return "refused"
    return "shipped" if record.shipped else ""
