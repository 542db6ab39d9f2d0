"""The kinds of tasks, the column that holds what is to be found, and the metrics that score it."""

from __future__ import annotations

from typing import Literal

Kind = Literal["classification", "regression", "generation"]

METRICS_OF: dict[Kind, tuple[str, ...]] = {
    "classification": ("accuracy", "f1", "matthews_correlation"),
    "regression": ("pearson", "spearman"),
    "generation": ("bleu", "rouge1", "rouge2", "rougeL", "exact_match"),
}
"""Every metric of a kind; the first is the default."""

ANSWER_OF: dict[Kind, str] = {"classification": "label", "regression": "label", "generation": "target"}
"""The column of a loaded split that holds the answer: a label's number, a number, or a text."""
