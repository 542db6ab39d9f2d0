"""What a study's report says, as data for its templates: every number in its final wording."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sinkd_plugin.study.ablation import Point, ablation_points, value_name
from sinkd_plugin.study.cells import settings
from sinkd_plugin.study.comparison import Comparison, comparisons
from sinkd_plugin.study.config import StudyConfig
from sinkd_plugin.study.figures import ablation_figure, difference_figure, latency_figure, svg
from sinkd_plugin.study.latency import Offer, offers, read_timings
from sinkd_plugin.study.paper import paper_tables
from sinkd_plugin.study.rows import Row
from sinkd_plugin.study.statistics import Difference, Summary, smallest_p
from sinkd_plugin.training.environment import environment

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


def page(study: StudyConfig, rows: Sequence[Row], command: str) -> dict[str, Any]:
    """What both templates are filled with.

    Args:
        study: The study.
        rows: Of all its cells.
        command: What the user typed, to stand beside the numbers.
    """
    final = [row for row in rows if row.split == "test"]
    runs = list({row.key: row for row in rows}.values())  # a run may belong to several ablations
    found = comparisons(study, final)
    timings = read_timings(study.latency) if study.latency is not None and study.latency.is_file() else []
    return {
        "study": study,
        "command": command,
        "sections": [
            _section(study, final, found, task, pair) for task, pair in itertools.product(study.tasks, study.pairs)
        ],
        "speeds": [
            speed for task in study.tasks if (speed := _speed(study, final, offers(timings, found, task), task))
        ],
        "ablations": [
            ablation
            for name in study.ablations
            if (ablation := _ablation(study, ablation_points(study, rows, name), name))
        ],
        "paper": paper_tables(study, rows),
        "failures": [row for row in runs if row.status == "failed"],
        "missing": sum(row.status == "missing" for row in runs),
        "done": sum(row.status == "done" for row in runs),
        "hours": sum(row.seconds or 0.0 for row in runs) / 3600,
        "searched": any(len(settings(study, method)) > 1 for method in study.methods),
        "smallest_p": {
            seeds: smallest_p(seeds) for seeds in sorted({len(study.seeds_for(task)) for task in study.tasks})
        },
        "environment": environment(),
    }


def _speed(study: StudyConfig, rows: Sequence[Row], found: Sequence[Offer], task: str) -> dict[str, Any] | None:
    metric = next((row.metric for row in rows if row.task == task and row.metric), NOTHING)
    figure = latency_figure(study, found, metric)
    return None if figure is None else {"task": task, "figure": svg(figure)}


def _ablation(study: StudyConfig, points: Sequence[Point], name: str) -> dict[str, Any] | None:
    figure = ablation_figure(study, points, name)
    if figure is None:
        return None
    ablation = study.ablations[name]
    return {
        "name": name,
        "title": ablation.title or name,
        "key": ablation.key,
        "paper": ablation.paper,
        "methods": ", ".join(map(study.title, ablation.methods)),
        "figure": svg(figure),
        "lines": [
            {
                "place": f"{point.task}, {point.pair}",
                "method": study.title(point.method),
                "value": "as it is" if point.value is None else value_name(point.value),
                "score": _score(point.scores),
                "seeds": str(point.scores.n),
                "difference": _difference(point.difference),
            }
            for point in points
        ],
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
    scores = found.scores
    notes = [f"{found.failed} failed"] * bool(found.failed) + [f"{found.missing} not run"] * bool(found.missing)
    return Line(
        method=study.title(found.method),
        setting=", ".join(
            f"{key.rpartition('.')[2]} {_plain(value)}" for key, value in json.loads(found.setting).items()
        ),
        score=_score(scores),
        seeds=str(scores.n) if scores else "0",
        difference=_difference(found.difference),
        p_value=NOTHING if found.corrected_p is None else f"{found.corrected_p:.3f}",
        gap=NOTHING if found.gap is None else f"{found.gap:.0%}",
        note=", ".join(notes),
    )


def _plain(value: Any) -> str:
    """A value without the brackets and quotes of JSON."""
    return json.dumps(value).translate({ord(mark): None for mark in '[]{}"'})


def _score(scores: Summary | None) -> str:
    if scores is None:
        return NOTHING
    spread = "" if scores.deviation is None else f" ± {scores.deviation:.4f}"
    return f"{scores.mean:.4f}{spread}"


def _difference(found: Difference | None) -> str:
    if found is None:
        return NOTHING
    interval = "" if found.low is None or found.high is None else f" ({100 * found.low:+.2f} – {100 * found.high:+.2f})"
    return f"{100 * found.mean:+.2f}{interval}"
