"""Goal and measurement of the trainer side by side, in benchmarks/README.md.

Run: python benchmarks/training_table.py
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BETWEEN = re.compile(r"(<!-- training table -->\n).*?(<!-- end of training table -->)", re.DOTALL)


def with_table(page: str) -> str:
    """The page with the table of ``results/training.json``."""
    result = json.loads((HERE / "results" / "training.json").read_text(encoding="utf-8"))
    return BETWEEN.sub(lambda match: match[1] + table(result) + match[2], page)


def table(result: dict[str, Any]) -> str:
    """Markdown."""
    return (
        "\n".join(["| what | goal | measured |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows(result))])
        + "\n"
    )


def rows(result: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What is to be reached, and what was found."""
    yield from _steps(result["steps"], result["memory"]["peak_mb"])
    yield from _epochs(result["epochs"])
    yield from _groups(result["groups"])
    yield from _processes(result["processes"])


def _steps(found: dict[str, Any], memory: dict[str, float]) -> Iterator[tuple[str, str, str]]:
    yield "a step over TextBrewer's, same batches", "≤ 1.05", _spread(found["over_textbrewer"])
    yield "its memory over TextBrewer's", "≤ 1.05", f"{memory['sinkd'] / memory['textbrewer']:.2f}"
    yield "the Sinkhorn term, of a step", "≤ 3 %", f"{100 * found['term_over_step']:.3f} %"
    yield "its memory", "–", f"{memory['sinkd with the term'] - memory['sinkd']:+.0f} MB"


def _epochs(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    accuracy, difference = found["accuracy"], found["difference"]
    yield "times as fast as TextBrewer over the same epochs", "≥ 2", _spread(found["times_faster"])
    yield (
        "accuracy, ours and TextBrewer's; their difference",
        "within the interval",
        (
            f"{accuracy['sinkd']:.3f}, {accuracy['textbrewer']:.3f}; "
            f"{difference['mean']:+.3f} ({difference['low']:+.3f} to {difference['high']:+.3f})"
        ),
    )


def _groups(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    peaks = found["memory"]["peak_mb"]
    listed = ", ".join(f"{peak:.0f} MB" for peak in peaks.values())
    yield f"memory of groups of {', '.join(peaks)}, 16 at a time", "flat", listed
    yield "a step over plain accumulation's", "≤ 1.6", _spread(found["time"]["over_plain_accumulation"])


def _processes(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    one, four = found["one_step"], found["four_steps"]
    yield (
        "two processes against one: loss of a step, relative",
        "≤ 1e-6",
        _small(one["largest_relative_difference_of_losses"]),
    )
    yield "weights after a step of AdamW, over its length", "–", _small(one["difference_of_weights_over_update"])
    yield "losses of four steps, relative", "–", _small(four["largest_relative_difference_of_losses"])
    yield "accuracy after four steps, one and two", "equal", ", ".join(f"{score:.3f}" for score in four["accuracy"])
    alone, together = four["examples_per_second"]
    yield "examples a second by the clock, two over one", "–", f"{together / alone:.2f}"


def _spread(ratio: dict[str, float]) -> str:
    return f"{ratio['median']:.2f} ({ratio['min']:.2f}–{ratio['max']:.2f})"


def _small(number: float) -> str:
    return f"{number:.1e}"


if __name__ == "__main__":
    target = HERE / "README.md"
    target.write_text(with_table(target.read_text(encoding="utf-8")), encoding="utf-8")
