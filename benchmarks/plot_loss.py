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
    "sinkd-compiled": "#e0b872",
    "pot": "#31587a",
    "geomloss": "#8fb3c9",
    "kl_div": "#9aa3ad",
}
NAMES = {"sinkd": "this", "sinkd-compiled": "this, torch.compile", "pot": "POT", "geomloss": "geomloss (other value)"}


def main(source: str, target: str) -> None:
    """Read, draw, save."""
    result = json.loads(Path(source).read_text())
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5.2), width_ratios=[2.4, 1], layout="constrained")
    draw_ratios(left, [case for case in result["cases"] if case.get("ratio_plain_over")])
    draw_memory(right, result["peak_mb"])
    packages = ", ".join(f"{name} {number}" for name, number in result["environment"]["packages"].items())
    figure.suptitle("Sinkhorn loss, logits to gradient, against the plain iteration through autograd", fontsize=12)
    figure.supxlabel(f"{packages} · 1 thread, CPU time, ratios within interleaved rounds · shared machine", fontsize=8)
    figure.savefig(target, dpi=130)


def label(case: dict[str, Any]) -> str:
    """Rows and classes."""
    prefix = "Eq. 20\n" if case["cost"] == "flattened" else ""
    return f"{prefix}{case['rows']:,}\n× {case['classes']:,}"


def draw_ratios(axes: Any, cases: list[dict[str, Any]]) -> None:
    """How many times faster, median with the range over the rounds; one bar a method."""
    shown = [name for name in NAMES if any(name in case["ratio_plain_over"] for case in cases)]
    for place, name in enumerate(shown):
        for position, case in enumerate(cases):
            if name not in case["ratio_plain_over"]:
                continue
            ratio = case["ratio_plain_over"][name]["both"]
            x = position + (place - (len(shown) - 1) / 2) * 0.2
            spread = [[ratio["median"] - ratio["min"]], [ratio["max"] - ratio["median"]]]
            axes.bar(x, ratio["median"], 0.19, color=COLOURS[name], yerr=spread, error_kw={"lw": 0.8})
            if name == "sinkd":
                axes.text(x, ratio["max"] * 1.1, times(ratio["median"]), ha="center", fontsize=8)
        axes.bar(0, 0, color=COLOURS[name], label=NAMES[name])
    axes.axhline(1, color="#2b3440", lw=0.8)
    axes.set(yscale="log", ylabel="times as fast as the plain iteration", xticks=range(len(cases)))
    axes.set_xticklabels([label(case) for case in cases], fontsize=8)
    axes.legend(frameon=False, fontsize=9, loc="upper left")


def times(ratio: float) -> str:
    """As people write it."""
    return f"{ratio:,.0f}×" if ratio >= 10 else f"{ratio:.1f}×"


def draw_memory(axes: Any, cases: list[dict[str, Any]]) -> None:
    """Peak memory beyond the logits."""
    names = ["sinkd", "plain", "pot", "kl_div"]
    colours = {**COLOURS, "plain": "#2b3440"}
    for place, name in enumerate(names):
        heights = [max(case["peak_mb"].get(name, 0), 0.1) for case in cases]
        positions = [position + (place - 1.5) * 0.2 for position in range(len(cases))]
        axes.bar(positions, heights, 0.19, color=colours[name], label={**NAMES, "kl_div": "KL"}.get(name, name))
        if name == "sinkd":
            for x, height in zip(positions, heights, strict=True):
                axes.text(x, height * 1.1, f"{height:.3g}", ha="center", fontsize=8)
    axes.set(yscale="log", ylabel="peak memory, MB", xticks=range(len(cases)))
    axes.set_xticklabels([label(case) for case in cases], fontsize=8)
    axes.legend(frameon=False, fontsize=9)


def overview(source: str) -> None:
    """The medians as a table, for people."""
    for case in json.loads(Path(source).read_text())["cases"]:
        milliseconds = {name: statistics.median(raw["both"]) for name, raw in case["cpu_ms"].items()}
        print(case["cost"], case["rows"], case["classes"], {name: round(ms, 2) for name, ms in milliseconds.items()})


if __name__ == "__main__":
    main(*sys.argv[1:3])
    overview(sys.argv[1])
