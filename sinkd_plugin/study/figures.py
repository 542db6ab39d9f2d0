"""The figures of a study's report, as SVG that stands in the page itself and as files beside it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from sinkd_plugin.study.comparison import Comparison
from sinkd_plugin.study.config import StudyConfig
from sinkd_plugin.study.rows import Row
from sinkd_plugin.study.statistics import Summary, summarise

INK, MUTED, ACCENT, LINE = "#1f2933", "#8a97a6", "#0f766e", "#e5e9ee"
COLOURS = (ACCENT, "#b45309", "#7c3aed", "#31587a", "#be185d", MUTED)


def difference_figure(study: StudyConfig, found: Sequence[Comparison], task: str, pair: str) -> Figure | None:
    """Each method's difference to the reference with its interval; ``None`` where nothing can be compared."""
    shown = [
        (each, each.difference)
        for each in found
        if (each.task, each.pair) == (task, pair) and each.difference is not None
    ]
    if not shown:
        return None
    figure = Figure(figsize=(7.5, 0.8 + 0.36 * len(shown)), layout="constrained")
    axes = figure.subplots()
    for place, (each, difference) in enumerate(shown):
        colour = ACCENT if (each.corrected_p or 1) <= 0.05 else MUTED
        if difference.low is not None and difference.high is not None:
            ends = [100 * difference.low, 100 * difference.high]
            axes.plot(ends, [place, place], color=colour, linewidth=2.5, solid_capstyle="round")
        axes.plot(100 * difference.mean, place, "o", color=colour, markersize=7)
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.set_yticks(range(len(shown)), [study.title(each.method) for each, _ in shown])
    axes.invert_yaxis()
    axes.set_xlabel(f"points above {study.title(study.reference)}, with 95 % bootstrap interval over seeds")
    return _clean(figure, axes)


def ablation_figure(study: StudyConfig, rows: Sequence[Row], name: str) -> Figure | None:
    """The mean score over the values of an ablation's key, one line for each task and pair."""
    ablation = study.ablations[name]
    done = [row for row in rows if row.ablation == name and row.score is not None]
    if not done:
        return None
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axes = figure.subplots()
    for (task, pair), colour in zip(dict.fromkeys((row.task, row.pair) for row in done), COLOURS * 3, strict=False):
        found = [_over_seeds(done, task, pair, ablation.key, value) for value in ablation.values]
        means = [each.mean if each else float("nan") for each in found]
        spreads = [(each.deviation or 0.0) if each else 0.0 for each in found]
        places = list(range(len(found)))
        axes.errorbar(places, means, yerr=spreads, color=colour, marker="o", capsize=3, label=f"{task}, {pair}")
    axes.set_xticks(range(len(ablation.values)), [str(value) for value in ablation.values])
    axes.set_xlabel(ablation.key)
    axes.set_ylabel(f"{done[0].metric}, {done[0].split}".replace("_", " "))
    axes.legend(frameon=False, fontsize=8)
    return _clean(figure, axes)


def _over_seeds(rows: Sequence[Row], task: str, pair: str, key: str, value: Any) -> Summary | None:
    there = [
        row.score
        for row in rows
        if (row.task, row.pair) == (task, pair) and json.loads(row.setting)[key] == value and row.score is not None
    ]
    return summarise(there) if there else None


def svg(figure: Figure) -> str:
    """The figure as an ``<svg>`` element."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]


def _clean(figure: Figure, axes: Any) -> Figure:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)
    axes.grid(color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure
