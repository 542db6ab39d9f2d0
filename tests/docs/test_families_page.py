"""The results on the page about families are those of its records."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_results_are_those_of_the_records() -> None:
    spec = importlib.util.spec_from_file_location("family_results", DOCS / "family_results.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    page = (DOCS / "families.md").read_text(encoding="utf-8")
    assert script.with_results(page) == page, "run: python docs/family_results.py"


def test_what_the_page_says_of_the_results_is_so() -> None:
    for run in ("t5_reviews", "gpt_neo_reviews"):
        result = json.loads((DOCS / f"{run}.json").read_text(encoding="utf-8"))
        assert result["teacher"]["n"] == 1000
        assert result["teacher"]["interval"]["accuracy"][0] > 0.6
        one, two = (scores["interval"]["accuracy"] for scores in (result["student"], result["baselines"]["kl"]))
        assert one[0] < two[1]
        assert two[0] < one[1]
