"""Write the results of the examples that were run into docs/families.md and docs/sequence.md.

sinkd distill examples/t5_reviews.yaml --json > docs/t5_reviews.json
sinkd distill examples/gpt_neo_reviews.yaml --json > docs/gpt_neo_reviews.json
sinkd distill examples/bert_mrpc.yaml --set data_dir=glue_data/MRPC --json > docs/bert_mrpc.json
sinkd distill examples/bert_cb.yaml --set data_dir=SuperGLUE/CB --json > docs/bert_cb.json
sinkd distill examples/word_order.yaml --json > docs/word_order.json
python docs/family_results.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REVIEWS, OFFICIAL, WRITTEN = ("t5_reviews", "gpt_neo_reviews"), ("bert_mrpc", "bert_cb"), "word_order"
METHODS = {"pre": "the warm start alone", "seqkd": "`seqkd`", "kl": "`kl`", "student": "`js`"}
"""The students of the example whose answers are texts."""

Scores = dict[str, Any]


def pages() -> dict[Path, str]:
    """Every page that holds results, as it should be."""
    families, sequence = HERE / "families.md", HERE / "sequence.md"
    text = families.read_text(encoding="utf-8")
    text = _filled(text, "results", _classified(REVIEWS, ["accuracy"]))
    text = _filled(text, "official", _classified(OFFICIAL, ["accuracy", "f1"]))
    return {families: text, sequence: _filled(sequence.read_text(encoding="utf-8"), "results", _written())}


def _filled(page: str, name: str, rows: list[list[str]]) -> str:
    """The page with a table between the markers of that name; the first row is its head."""
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->\n"
    head, *body = ("| " + " | ".join(row) + " |\n" for row in rows)
    table = "".join([head, "|" + "---|" * len(rows[0]) + "\n", *body])
    before, _, rest = page.partition(begin)
    return f"{before}{begin}{table}{end}{rest.partition(end)[2]}"


def _classified(runs: tuple[str, ...], metrics: list[str]) -> list[list[str]]:
    names = {"accuracy": "accuracy", "f1": "F1"}
    head = ["run", "model", "parameters", "n", *(names[each] for each in metrics), "same label as teacher"]
    rows = []
    for run in runs:
        result = _record(run)
        models = {
            "teacher": result["teacher"],
            "student (KL alone)": result["baselines"]["kl"],
            "student (KL + SinKD)": result["student"],
        }
        for name, scores in models.items():
            share = scores.get("agreement_with_teacher")
            cells = [_millions(scores), str(scores["n"]), *(_interval(scores, each) for each in metrics)]
            rows.append([run, name, *cells, "" if share is None else f"{share:.1%}"])
    return [head, *rows]


def _written() -> list[list[str]]:
    result = _record(WRITTEN)
    students = {"student": result["student"], **result["baselines"]}
    head = ["model", "parameters", "BLEU", "ROUGE-L", "exact", "likelihood risk", "coverage risk"]
    rows = [["teacher", *_texts(result["teacher"]), "", ""]]
    for name, words in METHODS.items():
        risks = students[name]["sequences"]
        numbers = [f"{risks[each]:.2f}" for each in ("likelihood_risk", "coverage_risk")]
        rows.append([words, *_texts(students[name]), *numbers])
    return [head, *rows]


def _texts(scores: Scores) -> list[str]:
    exact = f"{scores['test']['exact_match']:.1%}"
    return [_millions(scores), _interval(scores, "bleu", 1), _interval(scores, "rougeL"), exact]


def _record(run: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((HERE / f"{run}.json").read_text(encoding="utf-8"))
    return record


def _millions(scores: Scores) -> str:
    return f"{scores['parameters'] / 1e6:.2f} M"


def _interval(scores: Scores, metric: str, digits: int = 3) -> str:
    low, high = scores["interval"][metric]
    return f"{scores['test'][metric]:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
