"""Draw what benchmarks/loss.py measured.

Run: python benchmarks/plot_loss.py benchmarks/results/loss.json benchmarks/results/loss.png
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt

COLOURS = {
    "sinkd": "#b06f17",
    "sinkd-compiled": "#7d4a06",
    "sinkd-torch": "#e0b872",
    "pot": "#31587a",
    "geomloss": "#8fb3c9",
    "kl_div": "#9aa3ad",
    "plain": "#2b3440",
}
NAMES = {
    "sinkd": "this, with numba",
    "sinkd-compiled": "this, with numba and torch.compile",
    "sinkd-torch": "this, PyTorch alone",
    "pot": "POT",
    "geomloss": "geomloss (other value)",
    "plain": "plain iteration",
    "kl_div": "KL",
}


def main(source: str, target: str) -> None:
    """Read, draw, save."""
    result = json.loads(Path(source).read_text(encoding="utf-8"))
    figure = plt.figure(figsize=(13, 9), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.15, 1])
    draw_ratios(upper.subplots(), result["cases"])
    left, right = lower.subplots(1, 2)
    draw_memory(left, result["memory"])
    draw_scaling(right, result["scaling"])
    packages = ", ".join(f"{name} {number}" for name, number in result["environment"]["packages"].items())
    figure.suptitle("The Sinkhorn loss, from logits to value and gradient", fontsize=12)
    figure.supxlabel(f"{packages} · 1 thread, CPU time, interleaved rounds · shared machine", fontsize=8)
    figure.savefig(target, dpi=130)


def label(case: dict[str, Any]) -> str:
    """Rows and classes."""
    prefix = "Eq. 20\n" if case["cost"] == "flattened" else ""
    return f"{prefix}{case['rows']:,}\n× {case['classes']:,}"


def draw_ratios(axes: Any, cases: list[dict[str, Any]]) -> None:
    """How many times faster, median with the range over the rounds; one bar a method."""
    shown = [name for name in NAMES if name not in ("plain", "kl_div")]
    for place, name in enumerate(shown):
        for position, case in enumerate(cases):
            if name not in case["ratio_plain_over"]:
                continue
            ratio = case["ratio_plain_over"][name]["both"]
            x = position + (place - (len(shown) - 1) / 2) * 0.17
            spread = [[ratio["median"] - ratio["min"]], [ratio["max"] - ratio["median"]]]
            axes.bar(x, ratio["median"], 0.16, color=COLOURS[name], yerr=spread, error_kw={"lw": 0.8})
            if name == "sinkd":
                axes.text(x, ratio["max"] * 1.15, times(ratio["median"]), ha="center", fontsize=8)
        axes.bar(0, 0, color=COLOURS[name], label=NAMES[name])
    axes.axhline(1, color=COLOURS["plain"], lw=0.8)
    axes.set(yscale="log", ylabel="times as fast as the plain iteration", xticks=range(len(cases)))
    axes.set_xticklabels([label(case) for case in cases], fontsize=8)
    axes.legend(frameon=False, fontsize=9, loc="upper left")


def times(ratio: float) -> str:
    """As people write it."""
    return f"{ratio:,.0f}×" if ratio >= 10 else f"{ratio:.1f}×"


def draw_memory(axes: Any, cases: list[dict[str, Any]]) -> None:
    """Peak memory beyond the logits."""
    names = ["sinkd", "sinkd-torch", "plain", "pot", "kl_div"]
    for place, name in enumerate(names):
        heights = [max(case["peak_mb"].get(name, 0), 0.1) for case in cases]
        positions = [position + (place - 2) * 0.17 for position in range(len(cases))]
        axes.bar(positions, heights, 0.16, color=COLOURS[name], label=NAMES[name])
        if name == "sinkd":
            for x, height in zip(positions, heights, strict=True):
                axes.text(x, height * 1.15, f"{height:.3g}", ha="center", fontsize=8)
    axes.set(yscale="log", ylabel="peak memory, MB", xticks=range(len(cases)), ylim=(0.08, 3e4))
    axes.set_xticklabels([label(case) for case in cases], fontsize=8)
    axes.legend(frameon=False, fontsize=9, ncols=3, loc="upper left")


def draw_scaling(axes: Any, cases: list[dict[str, Any]]) -> None:
    """Time over the number of points on a line, of one side."""
    lines = {"flattened": ("Eq. 20, all n · d probabilities", "-"), "batch": ("Eq. 13 of two classes, n rows", "--")}
    for cost, (text, dashes) in lines.items():
        for engine in ("sinkd", "sinkd-torch"):
            chosen = [case for case in cases if case["cost"] == cost]
            points = [case["rows"] * (case["classes"] if cost == "flattened" else 1) for case in chosen]
            milliseconds = [statistics.median(case["cpu_ms"][engine]) for case in chosen]
            colour, name = COLOURS[engine], f"{text}: {NAMES[engine].removeprefix('this, ')}"
            axes.plot(points, milliseconds, dashes, marker="o", ms=4, color=colour, label=name)
    axes.plot([1e3, 1e6], [0.3, 300], ":", color=COLOURS["plain"], lw=0.9, label="in proportion")
    axes.set(xscale="log", yscale="log", xlabel="points on the line", ylabel="milliseconds")
    axes.legend(frameon=False, fontsize=8)


if __name__ == "__main__":
    main(*sys.argv[1:3])
