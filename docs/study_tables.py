"""Write the results of the recorded studies into docs/guidelines.md.

    sinkd study studies/reviews.yaml --workers 2
    sinkd study studies/glue_small.yaml --workers 2
    sinkd study studies/depth_small.yaml --workers 2
    sinkd study studies/ablations.yaml --workers 2
    python docs/study_tables.py

All but the last make ``studies/results/``, the last one puts what stands there between the markers of the page.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pyarrow import parquet

from sinkd_plugin.study.config import StudyConfig
from sinkd_plugin.study.page import page
from sinkd_plugin.study.rows import Row
from sinkd_plugin.study.study import load_study

ROOT = Path(__file__).parents[1]
GUIDELINES = ROOT / "docs" / "guidelines.md"
MARKED = re.compile(r"(<!-- (\w+):begin -->\n).*?(<!-- \2:end -->)", re.DOTALL)


def recorded(name: str) -> tuple[StudyConfig, list[Row]]:
    """A study with the rows that are recorded of it."""
    study = load_study(ROOT / "studies" / f"{name}.yaml")
    table = parquet.read_table(ROOT / study.results / "results.parquet")
    return study, [Row(**row) for row in table.to_pylist()]


def blocks() -> dict[str, str]:
    """Each table of the page by the name of its markers."""
    study, rows = recorded("reviews")
    found = {"methods": _methods(study, rows), "weights": _weights(study, rows)}
    found |= {"tasks": _methods(*recorded("glue_small")), "depths": _methods(*recorded("depth_small"))}
    study, rows = recorded("ablations")
    found |= dict.fromkeys(study.ablations, "Not run.\n")
    return found | {each["name"]: _ablation(each) for each in page(study, rows, "")["ablations"]}


def with_blocks(text: str, tables: dict[str, str]) -> str:
    """The page with every table between its markers."""
    return MARKED.sub(lambda match: match[1] + tables[match[2]] + match[3], text)


def _methods(study: StudyConfig, rows: list[Row]) -> str:
    return "\n".join(_section(study, section) for section in page(study, rows, "")["sections"])


def _section(study: StudyConfig, section: dict[str, Any]) -> str:
    seeds = len(study.seeds_for(section["task"]))
    what = f"{section['metric']}, n = {section['n']}, teacher {section['teacher']}, {seeds} seeds"
    lines = [
        f"**{section['task']}, {section['pair']}**: {what}:",
        "",
        f"| method | setting | mean ± deviation | minus {study.title(study.reference)}, points | p | gap closed |",
        "|---|---|---|---|---|---|",
    ]
    for line in section["lines"]:
        cells = line.method, line.setting, line.score, line.difference, line.p_value, line.gap
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def searched(rows: list[Row]) -> dict[tuple[str, str], dict[float, float]]:
    """Validation score by weight, of each pair and method whose weight was searched."""
    found: dict[tuple[str, str], dict[float, float]] = {}
    for row in rows:
        weight = json.loads(row.setting).get("distillation.sinkd.weight")
        if row.split == "validation" and weight is not None and row.score is not None:
            found.setdefault((row.pair, row.method), {})[weight] = row.score
    return found


def _weights(study: StudyConfig, rows: list[Row]) -> str:
    scores = searched(rows)
    weights = sorted({weight for by_weight in scores.values() for weight in by_weight})
    titles = " | ".join(f"weight {weight}" for weight in weights)
    lines = [f"| student | method | {titles} |", "|---" * (len(weights) + 2) + "|"]
    for (pair, method), by_weight in scores.items():
        cells = " | ".join(f"{by_weight[weight]:.3f}" for weight in weights)
        lines.append(f"| {pair} | {study.title(method)} | {cells} |")
    return "\n".join([*lines, ""])


def _ablation(ablation: dict[str, Any]) -> str:
    lines = [f"| method | {ablation['title']} | mean ± deviation | seeds | minus KL, points |", "|---|---|---|---|---|"]
    for line in ablation["lines"]:
        lines.append(
            f"| {line['method']} | {line['value']} | {line['score']} | {line['seeds']} | {line['difference']} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    text = GUIDELINES.read_text(encoding="utf-8")
    GUIDELINES.write_text(with_blocks(text, blocks()), encoding="utf-8")
