"""``report.html``: a timing run as one page that needs no other file and no network."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from sinkd_export.bench.figures import accuracy_figure, ratio_figure
from sinkd_export.bench.records import BenchReport
from sinkd_export.bench.table import three_digits
from sinkd_plugin.storage import write_text


def write_page(path: Path, report: BenchReport) -> None:
    """Write the page.

    Args:
        path: The file.
        report: What was measured.

    Raises:
        StorageError: If it cannot be written.
    """
    pages = Environment(loader=PackageLoader("sinkd_export.bench", "."), autoescape=True, undefined=StrictUndefined)
    pages.filters["three_digits"] = three_digits
    traffic = report.traffic
    write_text(
        path,
        pages.get_template("report.html.jinja").render(
            report=report,
            traffic=traffic,
            scores={} if traffic is None else {score.model: score for score in traffic.scores},
            accuracy_figure=None if traffic is None else accuracy_figure(traffic, report),
            ratio_figure=ratio_figure(report) if report.measurements else None,
        ),
    )
