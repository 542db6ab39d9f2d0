"""``report.html``: one page that needs no other file and no network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sinkd_plugin.quickstart.figures import latency_figure, loss_figure, scores_figure
from sinkd_plugin.quickstart.summary import latencies, models
from sinkd_plugin.storage import read_json, write_text

REPORT = "report.html"


def write_report(folder: Path, summary: Mapping[str, Any]) -> Path:
    """Write the report of a quickstart into its run folder.

    Args:
        folder: The run folder.
        summary: What ``summarize`` returned.

    Returns:
        Path of the report.
    """
    pages = Environment(
        loader=PackageLoader("sinkd_plugin.quickstart", "."), autoescape=True, undefined=StrictUndefined
    )
    page = pages.get_template("report.html.jinja").render(
        result=summary["result"],
        parity=summary["parity"],
        bench=summary["bench"],
        models=models(summary),
        latencies=latencies(summary),
        scores_figure=scores_figure(summary),
        loss_figure=loss_figure(folder),
        latency_figure=latency_figure(summary),
        environment=read_json(folder / "environment.json"),
        configuration=(folder / "config.yaml").read_text(encoding="utf-8"),
    )
    path = folder / REPORT
    write_text(path, page)
    return path
