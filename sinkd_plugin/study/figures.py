"""The figures of a study's report, as SVG that stands in the page itself and as files beside it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from sinkd_plugin.study.ablation import Point, value_name
from sinkd_plugin.study.comparison import Comparison
from sinkd_plugin.study.config import AblationOptions, StudyConfig
from sinkd_plugin.study.latency import Offer

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


def ablation_figure(study: StudyConfig, points: Sequence[Point], name: str) -> Figure | None:
    """Mean and deviation over the values of an ablation's key, one line for each task, pair and method."""
    if not points:
        return None
    ablation = study.ablations[name]
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axes = figure.subplots()
    lines = dict.fromkeys((point.task, point.pair, point.method) for point in points)
    for place, (line, colour) in enumerate(zip(lines, COLOURS * len(lines), strict=False)):
        own = [point for point in points if (point.task, point.pair, point.method) == line]
        _draw(axes, ablation, own, colour, study.title(line[2]) if len(study.tasks) == 1 else " · ".join(line), place)
    axes.set_xticks(range(len(ablation.values)), [value_name(value) for value in ablation.values])
    axes.set_xlabel(ablation.title or ablation.key)
    axes.set_ylabel(f"{points[0].metric}, validation".replace("_", " "))
    axes.legend(frameon=False, fontsize=8)
    return _clean(figure, axes)


def _draw(axes: Any, ablation: AblationOptions, points: Sequence[Point], colour: str, label: str, place: int) -> None:
    """A line over the values, moved a little so that bars do not hide each other; a band where nothing is varied."""
    if points[0].value is None:
        mean, spread = points[0].scores.mean, points[0].scores.deviation or 0.0
        axes.axhspan(mean - spread, mean + spread, color=colour, alpha=0.12, linewidth=0)
        axes.axhline(mean, color=colour, linestyle="--", linewidth=1.2, label=label)
        return
    places = [ablation.values.index(point.value) + 0.05 * place for point in points]
    spreads = [point.scores.deviation or 0.0 for point in points]
    axes.errorbar(
        places, [point.scores.mean for point in points], yerr=spreads, color=colour, marker="o", capsize=3, label=label
    )


def latency_figure(study: StudyConfig, found: Sequence[Offer], metric: str) -> Figure | None:
    """Score against latency, and the line of the students that no other one beats; ``None`` without any."""
    if not found:
        return None
    figure = Figure(figsize=(7.5, 3.8), layout="constrained")
    axes = figure.subplots()
    kinds = dict.fromkeys((each.timing.pair, each.timing.backend) for each in found)
    for (pair, backend), colour in zip(kinds, COLOURS * len(kinds), strict=False):
        own = [each for each in found if (each.timing.pair, each.timing.backend) == (pair, backend)]
        axes.plot(*_places(own), "o", color=colour, label=f"{pair}, {backend}")
    best = sorted((each for each in found if each.best), key=lambda each: each.timing.milliseconds)
    axes.plot(*_places(best), color=INK, linewidth=1, zorder=0)
    for each in best:
        place = each.timing.milliseconds, 100 * each.score
        axes.annotate(study.title(each.timing.method), place, xytext=(5, 5), textcoords="offset points", fontsize=8)
    axes.set_xlabel(f"median latency, ms, {found[0].timing.shape}")
    axes.set_ylabel(f"{metric}, points".replace("_", " "))
    axes.legend(frameon=False, fontsize=8)
    return _clean(figure, axes)


def _places(found: Sequence[Offer]) -> tuple[list[float], list[float]]:
    return [each.timing.milliseconds for each in found], [100 * each.score for each in found]


def svg(figure: Figure) -> str:
    """The figure as an ``<svg>`` element."""
    stream = io.StringIO()
    with rc_context({"svg.hashsalt": "sinkd"}):  # the same figure is the same text, so that records can be compared
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]


def _clean(figure: Figure, axes: Any) -> Figure:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)
    axes.grid(color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure
