"""Write the results of the two examples that start from nothing into docs/families.md.

sinkd distill examples/t5_reviews.yaml --json > docs/t5_reviews.json
sinkd distill examples/gpt_neo_reviews.yaml --json > docs/gpt_neo_reviews.json
python docs/family_results.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE / "families.md"
BEGIN, END = "<!-- results:begin -->\n", "<!-- results:end -->\n"
RUNS = ("t5_reviews", "gpt_neo_reviews")


def results() -> str:
    """The scores of both runs as one table."""
    head = ["| run | model | parameters | accuracy | same label as teacher |", "|---|---|---|---|---|"]
    return "\n".join([*head, *(row for run in RUNS for row in _rows(run))]) + "\n"


def with_results(page: str) -> str:
    """The page with the table between the markers."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}{results()}{END}{rest.partition(END)[2]}"


def _rows(run: str) -> list[str]:
    result = json.loads((HERE / f"{run}.json").read_text(encoding="utf-8"))
    models = {
        "teacher": result["teacher"],
        "student (KL alone)": result["baselines"]["kl"],
        "student (KL + SinKD)": result["student"],
    }
    return [f"| {run} | {name} | {_cells(scores)} |" for name, scores in models.items()]


def _cells(scores: dict[str, Any]) -> str:
    low, high = scores["interval"]["accuracy"]
    share = scores.get("agreement_with_teacher")
    agreement = "" if share is None else f"{share:.1%}"
    return f"{scores['parameters'] / 1e6:.2f} M | {scores['test']['accuracy']:.3f} ({low:.3f}–{high:.3f}) | {agreement}"


if __name__ == "__main__":
    PAGE.write_text(with_results(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
