"""Write the quickstart's results into README.md.

    sinkd quickstart --json > docs/quickstart.json
    python docs/readme_table.py

The first command makes the numbers, the second puts them between the two markers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sinkd_plugin.quickstart.summary import latencies, models

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RESULTS = ROOT / "docs" / "quickstart.json"
BEGIN, END = "<!-- quickstart:begin -->\n", "<!-- quickstart:end -->"
METRICS = {"accuracy": "accuracy", "f1": "F1", "matthews_correlation": "Matthews"}


def block(summary: dict[str, Any]) -> str:
    """The results as Markdown."""
    return "\n".join([*_scores(summary), "", *_latencies(summary), "", _parity(summary), ""])


def with_block(readme: str, text: str) -> str:
    """README.md with ``text`` between the markers."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{text}{END}{after}"


def _scores(summary: dict[str, Any]) -> list[str]:
    result = summary["result"]
    data = f"n = {result['student']['n']} test sentences, {result['train_examples']} training sentences"
    lines = [
        f"Movie reviews, {data}, seed {result['seed']}, 95 % bootstrap intervals (`sinkd quickstart`):",
        "",
        "| model | parameters | " + " | ".join(METRICS.values()) + " | same label as teacher |",
        "|---|---|" + "---|" * (len(METRICS) + 1),
    ]
    for name, scores in models(summary).items():
        agreement = scores.get("agreement_with_teacher")
        cells = [_score(scores, metric) for metric in METRICS]
        shared = "" if agreement is None else f"{agreement:.1%}"
        lines.append(f"| {name} | {scores['parameters'] / 1e6:.1f} M | {' | '.join(cells)} | {shared} |")
    return lines


def _score(scores: dict[str, Any], metric: str) -> str:
    low, high = scores["interval"][metric]
    return f"{scores['test'][metric]:.3f} ({low:.3f}–{high:.3f})"


def _latencies(summary: dict[str, Any]) -> list[str]:
    shapes = latencies(summary)
    names = list(next(iter(shapes.values())))
    bench = summary["bench"]
    where = f"on {bench['threads']} thread of an {bench['machine']['cpu']} processor"
    lines = [
        f"Median latency {where}, interleaved, and times faster than the {names[0]} (`sinkd bench`, part of it):",
        "",
        "| batch × tokens | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for shape, entries in shapes.items():
        cells = [f"{entry['latency_ms']['p50']:.2f} ms ({entry['ratio']:.1f}×)" for entry in entries.values()]
        lines.append(f"| {shape} | {' | '.join(cells)} |")
    return lines


def _parity(summary: dict[str, Any]) -> str:
    parity = summary["parity"]
    return (
        f"The exported student differs from PyTorch by at most {parity['relative_difference']:.1e} of the logit range, "
        f"on {parity['sentence_count']} test sentences and on edge cases."
    )


if __name__ == "__main__":
    summary = json.loads(RESULTS.read_text(encoding="utf-8"))
    README.write_text(with_block(README.read_text(encoding="utf-8"), block(summary)), encoding="utf-8")
