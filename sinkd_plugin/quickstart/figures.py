"""The figures of the report, as SVG that stands in the page itself."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sinkd_plugin.quickstart.summary import latencies, models

INK, MUTED, ACCENT = "#1f2933", "#8a97a6", "#0f766e"
COLOURS = (MUTED, "#b45309", ACCENT, "#7c3aed")
_BACKEND_COLOURS = (MUTED, "#7fb8b1", ACCENT)
_TERMS = {
    "unweighted_hard_label_loss": "cross-entropy with the labels",
    "unweighted_kd_loss": "KL to the teacher",
    "unweighted_sinkhorn_loss": "Sinkhorn distance",
}
_SMOOTHING = 20
"""Steps that a point of the loss curves averages over."""


def scores_figure(summary: Mapping[str, Any]) -> str:
    """Accuracy of each model with its interval."""
    metric = summary["result"]["metric"]
    figure = Figure(figsize=(7, 1.9), layout="constrained")
    axes = figure.subplots()
    rows = models(summary)
    for place, ((_, scores), colour) in enumerate(zip(rows.items(), COLOURS, strict=False)):
        low, high = scores["interval"][metric]
        axes.plot([low, high], [place, place], color=colour, linewidth=2.5, solid_capstyle="round")
        axes.plot(scores["test"][metric], place, "o", color=colour, markersize=8)
        axes.annotate(f"{scores['test'][metric]:.3f}", (high, place), (8, -4), textcoords="offset points", color=INK)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.invert_yaxis()
    axes.margins(x=0.18, y=0.25)
    axes.set_xlabel(f"{metric.replace('_', ' ')} on the test split, with 95 % bootstrap interval")
    return _svg(figure, axes)


def loss_figure(folder: Path) -> str:
    """The unweighted loss terms of the student over its steps, smoothed."""
    figure = Figure(figsize=(7, 2.9), layout="constrained")
    axes = figure.subplots()
    for (name, values), colour in zip(_student_terms(folder).items(), COLOURS[1:], strict=False):
        width = min(_SMOOTHING, len(values))
        smooth = np.convolve(values, np.ones(width) / width, mode="valid")
        axes.plot(np.arange(len(smooth)) + width, smooth, color=colour, label=_TERMS.get(name, name))
    axes.set_xlabel("step")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return _svg(figure, axes)


def _student_terms(folder: Path) -> dict[str, list[float]]:
    terms: defaultdict[str, list[float]] = defaultdict(list)
    for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["student"] != "student":
            continue
        if record["step"] == 0:
            terms.clear()  # the student was started anew after an interrupted run
        for name in _TERMS:
            if name in record:
                terms[name].append(record[name])
    return terms


def latency_figure(summary: Mapping[str, Any]) -> str:
    """How many times faster than the reference each model is, by shape."""
    figure = Figure(figsize=(7, 3.0), layout="constrained")
    axes = figure.subplots()
    table = latencies(summary)
    names = list(next(iter(table.values())))
    height = 0.8 / len(names)
    for offset, (name, colour) in enumerate(zip(names, _BACKEND_COLOURS, strict=False)):
        ratios = [entries[name]["ratio"] for entries in table.values()]
        places = np.arange(len(table)) + (offset - (len(names) - 1) / 2) * height
        axes.barh(places, ratios, height * 0.9, color=colour, label=name)
        for place, ratio in zip(places, ratios, strict=True):
            axes.annotate(f"{ratio:.1f}×", (ratio, place), (4, -4), textcoords="offset points", color=INK)
    axes.set_yticks(range(len(table)), list(table))
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_ylabel("batch × tokens")
    axes.set_xlabel(f"times faster than {names[0]}")
    figure.legend(frameon=False, loc="outside upper center", ncols=len(names))
    return _svg(figure, axes)


def _svg(figure: Figure, axes: Any) -> str:
    """The figure without frame, as an ``<svg>`` element."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(left=False, colors=INK)
    axes.grid(axis="x", color="#e5e9ee", linewidth=0.8)
    axes.set_axisbelow(True)
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]
