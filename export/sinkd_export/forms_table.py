"""The forms of an export and their scores in words, for its card and for the terminal."""

from __future__ import annotations

from sinkd_export.report import ExportReport
from sinkd_export.tokens import UNBOUNDED


def variant_cells(report: ExportReport) -> tuple[list[str], list[list[str]]]:
    """Headings, and a row for each form; scores only where there are some."""
    trial = report.trial
    headings, rows = ["form", "MB"], [[each.name, f"{each.size_bytes / 1e6:.1f}"] for each in report.variants]
    if trial is None:
        return headings, rows
    headings += [f"{trial.metric} ({trial.task}, {trial.split}, n = {trial.n})", "same label"]
    for row, record in zip(rows, report.variants, strict=True):
        row += ["" if record.score is None else f"{record.score:.4f}"]
        row += ["" if record.same_label is None else f"{record.same_label:.1%}"]
    return headings, rows


def trial_line(report: ExportReport) -> str:
    """How the scores were taken; nothing where there are none."""
    trial = report.trial
    if trial is None:
        return ""
    cut = "whole texts" if trial.max_length >= UNBOUNDED else f"texts cut to {trial.max_length} tokens"
    told = f"Scored on {cut}, as `sinkd_export.runtime` cuts them"
    if report.form == "classification":
        return f"{told}."
    return f"{told}, by the probabilities of the labels' answers behind the task's question."
