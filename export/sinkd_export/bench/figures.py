"""The figures of the page, as SVG that stands in the page itself."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.figure import Figure

from sinkd_export.bench.records import BenchReport, Traffic

INK, MUTED, GRID = "#1f2933", "#8a97a6", "#e5e9ee"
COLOURS = ("#64748b", "#b45309", "#0f766e", "#7c3aed", "#be123c", "#0369a1")
MARKS = {"padded": "s", "sorted": "o"}


def accuracy_figure(traffic: Traffic, report: BenchReport) -> str:
    """Time for a text against the score, one colour a model, one mark an arrangement; better is up and to the left."""
    figure = Figure(figsize=(7.4, 4.4), layout="constrained")
    axes = figure.subplots()
    scores = {score.model: score.value for score in traffic.scores}
    owners = {model.name: model.reference for model in report.models}
    colours = dict(zip(dict.fromkeys(owners.values()), COLOURS * len(owners), strict=False))
    for found in traffic.passes:
        colour = colours[owners[found.model]]
        place = (1e3 / found.texts_per_s, scores[found.model])
        filled = found.arrangement == "sorted"
        axes.plot(
            *place, MARKS[found.arrangement], color=colour, markersize=8, markerfacecolor=colour if filled else "white"
        )
    for number, (name, score) in enumerate(scores.items()):
        fastest = min(
            (found for found in traffic.passes if found.model == name), key=lambda found: 1 / found.texts_per_s
        )
        above = number % 2 == 0  # neighbours of about one score would write over each other
        axes.annotate(
            name,
            (1e3 / fastest.texts_per_s, score),
            (0, 9 if above else -15),
            textcoords="offset points",
            color=colours[owners[name]],
            fontsize=9,
            ha="center",
        )
    axes.set_xscale("log")
    axes.margins(x=0.12, y=0.25)
    axes.set_xlabel("ms for a text, logarithmic (filled: sorted by length, empty: padded to the maximum)")
    axes.set_ylabel(f"{traffic.metric.replace('_', ' ')} on the test split")
    return _svg(figure, axes, grid="both")


def ratio_figure(report: BenchReport) -> str:
    """How many times faster than the first model each is, by shape; with one thread in processor time."""
    in_cpu_time = report.threads == 1 and all(model.provider == "cpu" for model in report.models)
    shapes = list(dict.fromkeys(str(found.shape) for found in report.measurements))
    names = [model.name for model in report.models]
    figure = Figure(figsize=(7.4, 0.5 + 0.27 * len(names) * len(shapes)), layout="constrained")
    axes = figure.subplots()
    places: dict[int, str] = {}
    for row, found in enumerate(report.measurements):
        place = row + row // len(names)
        ratio = found.cpu_ratio if in_cpu_time else found.ratio
        places[place] = f"{found.shape}  {found.model}"
        axes.barh(place, ratio, 0.8, color=COLOURS[names.index(found.model) % len(COLOURS)])
        axes.annotate(f"{ratio:.1f}×", (ratio, place), (4, -3), textcoords="offset points", color=INK)
    axes.set_yticks(list(places), list(places.values()))
    axes.invert_yaxis()
    axes.margins(x=0.1, y=0.02)
    axes.set_xlabel(f"times faster than {report.reference}{', in processor time' if in_cpu_time else ''}")
    return _svg(figure, axes, grid="x")


def _svg(figure: Figure, axes: Any, *, grid: str) -> str:
    """The figure without frame, as an ``<svg>`` element."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
    axes.tick_params(colors=INK)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]
