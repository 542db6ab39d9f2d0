"""A timing run as a table."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from sinkd_export.bench.records import BenchReport, Measurement, ModelRecord


def latency_table(report: BenchReport) -> Table:
    """One row of each model at each shape; narrow enough for a terminal of 80 columns."""
    table = Table(
        title=f"Latency in ms, {report.threads} thread(s); ratio: {report.reference} divided by the model",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for heading in ("shape", "model"):
        table.add_column(heading, overflow="fold")
    for heading in ("p50", "p90", "p99", "min", "n", "rows/s", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    for found in report.measurements:
        table.add_row(str(found.shape), found.model, *_figures(found))
    for provider in report.unavailable_providers:
        table.add_row("", f"onnxruntime on {provider}", "not available", *[""] * 6)
    return table


def _figures(found: Measurement) -> tuple[str, ...]:
    latency = found.latency_ms
    times = (_three_digits(value) for value in (latency.p50, latency.p90, latency.p99, latency.min))
    return (*times, str(latency.n), _three_digits(found.throughput_per_s), f"{found.ratio:.2f}x")


def _three_digits(value: float) -> str:
    """Three significant digits without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def model_table(report: BenchReport) -> Table:
    """Backend, load time and size of each model."""
    table = Table("model", "in", "load ms", "MB", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for model in report.models:
        table.add_row(*_model_row(model))
    return table


def _model_row(model: ModelRecord) -> tuple[str, ...]:
    return model.name, model.backend, f"{model.load_ms:.0f}", f"{model.size_bytes / 1e6:.1f}"
