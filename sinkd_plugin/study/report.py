"""What a study says, for people: ``report.html``, which needs no other file, and ``report.md``."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sinkd_plugin.storage import write_json, write_text
from sinkd_plugin.study.comparison import Comparison, comparisons
from sinkd_plugin.study.config import StudyConfig
from sinkd_plugin.study.figures import ablation_figure, difference_figure, svg
from sinkd_plugin.study.rows import Row, write_rows
from sinkd_plugin.study.statistics import smallest_p
from sinkd_plugin.training.environment import environment

REPORT = "report.html"
NOTHING = "–"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a table, as text.

    Args:
        method: The method's title.
        setting: Its chosen setting.
        score: Mean and deviation.
        seeds: Runs behind it.
        difference: To the reference, with its interval.
        p_value: After correction.
        gap: Share of the gap closed.
        note: Runs that failed or are missing.
    """

    method: str
    setting: str
    score: str
    seeds: str
    difference: str
    p_value: str
    gap: str
    note: str


def write_report(study: StudyConfig, rows: Sequence[Row], command: str) -> Path:
    """Write raw results, tables and figures into the study's ``results``.

    Args:
        study: The study.
        rows: Of all its cells.
        command: What the user typed, to stand beside the numbers.

    Returns:
        Path of the HTML report.
    """
    folder = study.results
    write_rows(list(rows), folder)
    write_json(folder / "environment.json", environment())
    page = _page(study, rows, command)
    pages = Environment(loader=PackageLoader("sinkd_plugin.study", "."), autoescape=True, undefined=StrictUndefined)
    write_text(folder / REPORT, pages.get_template("report.html.jinja").render(page))
    plain = Environment(  # noqa: S701 - Markdown, in which an escaped & would show
        loader=PackageLoader("sinkd_plugin.study", "."), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    write_text(folder / "report.md", plain.get_template("report.md.jinja").render(page))
    return folder / REPORT


def _page(study: StudyConfig, rows: Sequence[Row], command: str) -> dict[str, Any]:
    final = [row for row in rows if row.split == "test"]
    found = comparisons(study, final)
    return {
        "study": study,
        "command": command,
        "sections": [
            _section(study, final, found, task, pair) for task, pair in itertools.product(study.tasks, study.pairs)
        ],
        "ablations": [
            {"name": name, "figure": svg(figure), "method": study.title(study.ablations[name].method)}
            for name in study.ablations
            if (figure := ablation_figure(study, rows, name)) is not None
        ],
        "failures": [row for row in rows if row.status == "failed"],
        "missing": sum(row.status == "missing" for row in rows),
        "done": sum(row.status == "done" for row in rows),
        "smallest_p": smallest_p(len(study.seeds)),
        "environment": environment(),
    }


def _section(
    study: StudyConfig, rows: Sequence[Row], found: Sequence[Comparison], task: str, pair: str
) -> dict[str, Any]:
    there = [row for row in rows if (row.task, row.pair) == (task, pair) and row.score is not None]
    teachers = {row.seed: row.teacher for row in there if row.teacher is not None}
    figure = difference_figure(study, found, task, pair)
    return {
        "task": task,
        "pair": pair,
        "metric": there[0].metric if there else NOTHING,
        "n": there[0].n if there else NOTHING,
        "teacher": f"{sum(teachers.values()) / len(teachers):.4f}" if teachers else NOTHING,
        "lines": [_line(study, each) for each in found if (each.task, each.pair) == (task, pair)],
        "figure": svg(figure) if figure else "",
    }


def _line(study: StudyConfig, found: Comparison) -> Line:
    scores, difference = found.scores, found.difference
    notes = [f"{found.failed} failed"] * bool(found.failed) + [f"{found.missing} not run"] * bool(found.missing)
    return Line(
        method=study.title(found.method),
        setting=", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in json.loads(found.setting).items()),
        score=_score(found),
        seeds=str(scores.n) if scores else "0",
        difference=NOTHING if difference is None else _points(difference.mean, difference.low, difference.high),
        p_value=NOTHING if found.corrected_p is None else f"{found.corrected_p:.3f}",
        gap=NOTHING if found.gap is None else f"{found.gap:.0%}",
        note=", ".join(notes),
    )


def _score(found: Comparison) -> str:
    if found.scores is None:
        return NOTHING
    spread = "" if found.scores.deviation is None else f" ± {found.scores.deviation:.4f}"
    return f"{found.scores.mean:.4f}{spread}"


def _points(mean: float, low: float | None, high: float | None) -> str:
    interval = "" if low is None or high is None else f" ({100 * low:+.2f} – {100 * high:+.2f})"
    return f"{100 * mean:+.2f}{interval}"
