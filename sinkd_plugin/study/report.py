"""What a study says, for people: ``report.html``, which needs no other file, and ``report.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sinkd_plugin.storage import write_json, write_text
from sinkd_plugin.study.config import StudyConfig
from sinkd_plugin.study.page import page
from sinkd_plugin.study.rows import Row, write_rows

REPORT = "report.html"


def write_report(study: StudyConfig, rows: Sequence[Row], command: str) -> Path:
    """Write raw results, tables and figures into the study's ``results``; figures also as files of their own.

    Args:
        study: The study.
        rows: Of all its cells.
        command: What the user typed, to stand beside the numbers.

    Returns:
        Path of the HTML report.
    """
    folder = study.results
    write_rows(list(rows), folder)
    content = page(study, rows, command)
    write_json(folder / "environment.json", content["environment"])
    for name, figure in _figures(content).items():
        write_text(folder / "figures" / f"{name}.svg", figure)
    pages = Environment(loader=PackageLoader("sinkd_plugin.study", "."), autoescape=True, undefined=StrictUndefined)
    write_text(folder / REPORT, pages.get_template("report.html.jinja").render(content))
    plain = Environment(  # noqa: S701 - Markdown, in which an escaped & would show
        loader=PackageLoader("sinkd_plugin.study", "."), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    write_text(folder / "report.md", plain.get_template("report.md.jinja").render(content))
    return folder / REPORT


def _figures(content: dict[str, Any]) -> dict[str, str]:
    """The figures of a page by the names of their files."""
    found = {f"{each['task']}-{each['pair']}": each["figure"] for each in content["sections"] if each["figure"]}
    found |= {f"latency-{each['task']}": each["figure"] for each in content["speeds"]}
    return found | {f"ablation-{each['name']}": each["figure"] for each in content["ablations"]}
