"""The results on the pages about families and sequences are those of their records."""

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
    for path, page in script.pages().items():
        assert path.read_text(encoding="utf-8") == page, "run: python docs/family_results.py"


def test_what_the_page_says_of_the_results_is_so() -> None:
    for run in ("t5_reviews", "gpt_neo_reviews"):
        result = json.loads((DOCS / f"{run}.json").read_text(encoding="utf-8"))
        assert result["teacher"]["n"] == 1000
        assert result["teacher"]["interval"]["accuracy"][0] > 0.6
        one, two = (scores["interval"]["accuracy"] for scores in (result["student"], result["baselines"]["kl"]))
        assert one[0] < two[1]
        assert two[0] < one[1]


def test_what_the_page_about_sequences_says_of_the_results_is_so() -> None:
    result = json.loads((DOCS / "word_order.json").read_text(encoding="utf-8"))
    risks = {name: scores["sequences"] for name, scores in {"js": result["student"], **result["baselines"]}.items()}
    assert risks["seqkd"]["likelihood_risk"] < risks["pre"]["likelihood_risk"] < risks["js"]["likelihood_risk"]
    assert risks["kl"]["coverage_risk"] < risks["pre"]["coverage_risk"] < risks["js"]["coverage_risk"]
    best = max([result["student"], *result["baselines"].values()], key=lambda scores: scores["test"]["bleu"])
    assert best is result["baselines"]["pre"]


def test_what_the_page_says_of_the_official_files_is_so() -> None:
    mrpc, cb = (json.loads((DOCS / f"{run}.json").read_text(encoding="utf-8")) for run in ("bert_mrpc", "bert_cb"))
    assert {scores["n"] for scores in (mrpc["teacher"], mrpc["student"], mrpc["baselines"]["kl"])} == {408}
    assert all(scores["interval"]["accuracy"][0] < 279 / 408 for scores in (mrpc["teacher"], mrpc["student"]))
    assert cb["teacher"]["n"] == 56
    assert cb["teacher"]["interval"]["accuracy"][0] > 28 / 56
