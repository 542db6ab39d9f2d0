"""A timing run as tables, narrow enough for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.table import Table

from sinkd_export.bench.records import BenchReport, Measurement, ModelRecord, Traffic


def tables(report: BenchReport) -> Iterator[Table]:
    """Latencies, the task's own texts if there are any, and what each model costs before its first answer."""
    yield latency_table(report)
    if report.traffic is not None:
        yield traffic_table(report.traffic, report.reference)
    if report.models:
        yield model_table(report)


def latency_table(report: BenchReport) -> Table:
    """One row of each model at each shape."""
    written = "" if report.new_tokens is None else f" of {report.new_tokens} tokens written"
    table = _table(
        f"Latency{written} in ms, {report.threads} thread(s); ratio: {report.reference} divided by the model",
        ("shape", "model"),
        ("p50", "p90", "p99", "n", "ratio", "in CPU", "of peak"),
    )
    for found in report.measurements:
        table.add_row(str(found.shape), found.model, *_figures(found))
    for absent in report.unavailable:
        table.add_row("", absent.model, "not available", *[""] * 6)
    return table


def traffic_table(traffic: Traffic, reference: str) -> Table:
    """One row of each model in each arrangement."""
    table = _table(
        f"{traffic.texts} texts of {traffic.task} ({traffic.mean_length:g} tokens on average, at most "
        f"{traffic.max_length}), {traffic.metric} on {traffic.scored}; ratio: {reference}, padded, by the model",
        ("model", "texts"),
        (traffic.metric, "lost", "texts/s", "ratio", "in CPU", "of peak"),
    )
    scores = {score.model: score for score in traffic.scores}
    for found in traffic.passes:
        score = scores[found.model]
        figures = (
            f"{score.value:.3f}",
            f"{score.lost:+.3f}",
            three_digits(found.texts_per_s),
            f"{found.ratio:.2f}x",
            f"{found.cpu_ratio:.2f}x",
            _share(found.share_of_floor),
        )
        table.add_row(found.model, found.arrangement, *figures)
    return table


def model_table(report: BenchReport) -> Table:
    """Backend, load time, memory and size of each model."""
    table = _table(None, ("model", "in"), ("load ms", "MB held", "MB process", "MB file"))
    for model in report.models:
        table.add_row(*_model_row(model))
    return table


def _table(title: str | None, words: tuple[str, ...], figures: tuple[str, ...]) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in words:
        table.add_column(heading, overflow="fold")
    for heading in figures:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _figures(found: Measurement) -> tuple[str, ...]:
    latency = found.latency_ms
    times = (three_digits(value) for value in (latency.p50, latency.p90, latency.p99))
    ratios = (f"{found.ratio:.2f}x", f"{found.cpu_ratio:.2f}x")
    return (*times, str(latency.n), *ratios, _share(found.share_of_floor))


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def three_digits(value: float) -> str:
    """Three significant digits without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _model_row(model: ModelRecord) -> tuple[str, ...]:
    found = model.footprint
    costs = (None, None, None) if found is None else (found.load_ms, found.memory_mb, found.peak_memory_mb)
    told = ("" if value is None else f"{value:.0f}" for value in costs)
    return model.name, model.backend, *told, f"{model.size_bytes / 1e6:.1f}"
