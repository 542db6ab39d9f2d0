"""The tasks of GLUE and SuperGLUE, as data.

References: Wang et al., GLUE, ICLR 2019; Wang et al., SuperGLUE, NeurIPS 2019. Numbers of examples are those of the
published training and development files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sinkd_plugin.tasks.kinds import Kind

ENTAILMENT = ("entailment", "not_entailment")
MISMATCHED = "test_mismatched"
"""MultiNLI's further test: texts of other genres than those of the training file."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One task of a benchmark.

    Args:
        name: Name of the task; behind the suite, that of the configuration on the hub.
        folder: Name of its folder in the benchmark's archive.
        summary: One line about it.
        text: Name of each text column on the hub, and in the official files.
        labels: Label names in the order of their numbers.
        examples: Number of examples of the published training and development files.
        metric: The benchmark's own metric, of those we compute.
        kind: What is to be found.
        label: Name of the label column in the official files; on the hub it is ``label``.
        columns: The official order of the columns, for files without a header.
        matched: Whether there are two development files, matched and mismatched, and how many examples the latter has.
        gaps: Whether the published files have rows without a label, to be left out, and empty texts, to be kept.
    """

    name: str
    folder: str
    summary: str
    text: Mapping[str, str]
    labels: tuple[str, ...]
    examples: tuple[int, int]
    metric: str = "accuracy"
    kind: Kind = "classification"
    label: str = "label"
    columns: tuple[str, ...] | None = None
    matched: int = 0
    gaps: bool = False

    @property
    def published(self) -> dict[str, int]:
        """Number of examples by the split they become: the development file is the test here."""
        train, test = self.examples
        return {"train": train, "test": test, **({MISMATCHED: self.matched} if self.matched else {})}


def _same(*columns: str) -> dict[str, str]:
    return {column: column for column in columns}


BENCHMARKS = (
    Benchmark(
        name="glue/cola",
        folder="CoLA",
        summary="Is the sentence acceptable English?",
        text=_same("sentence"),
        labels=("unacceptable", "acceptable"),
        examples=(8551, 1043),
        metric="matthews_correlation",
        columns=("source", "label", "mark", "sentence"),
    ),
    Benchmark(
        name="glue/sst2",
        folder="SST-2",
        summary="Is the phrase of a movie review positive? Shares sentences with 'reviews'.",
        text=_same("sentence"),
        labels=("negative", "positive"),
        examples=(67_349, 872),
        columns=("sentence", "label"),
    ),
    Benchmark(
        name="glue/mrpc",
        folder="MRPC",
        summary="Do two sentences of the news mean the same?",
        text={"sentence1": "#1 String", "sentence2": "#2 String"},
        labels=("not_equivalent", "equivalent"),
        examples=(3668, 408),
        metric="f1",
        label="Quality",
        columns=("Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"),
    ),
    Benchmark(
        name="glue/stsb",
        folder="STS-B",
        summary="How similar are two sentences, from 0 to 5? A number, so logits are compared by mse.",
        text=_same("sentence1", "sentence2"),
        labels=("similarity",),
        examples=(5749, 1500),
        metric="pearson",
        kind="regression",
        label="score",
        columns=(
            "index",
            "genre",
            "filename",
            "year",
            "old_index",
            "source1",
            "source2",
            "sentence1",
            "sentence2",
            "score",
        ),
    ),
    Benchmark(
        name="glue/rte",
        folder="RTE",
        summary="Does one sentence follow from the other? From the RTE challenges.",
        text=_same("sentence1", "sentence2"),
        labels=ENTAILMENT,
        examples=(2490, 277),
        columns=("index", "sentence1", "sentence2", "label"),
    ),
    Benchmark(
        name="glue/qnli",
        folder="QNLI",
        summary="Does the sentence answer the question? From SQuAD.",
        text=_same("question", "sentence"),
        labels=ENTAILMENT,
        examples=(104_743, 5463),
        columns=("index", "question", "sentence", "label"),
    ),
    Benchmark(
        name="glue/qqp",
        folder="QQP",
        summary="Do two questions of Quora ask the same?",
        text=_same("question1", "question2"),
        labels=("not_duplicate", "duplicate"),
        examples=(363_846, 40_430),
        metric="f1",
        label="is_duplicate",
        gaps=True,
        columns=("id", "qid1", "qid2", "question1", "question2", "is_duplicate"),
    ),
    Benchmark(
        name="glue/mnli",
        folder="MNLI",
        summary="Does one sentence follow from, contradict, or leave open the other? Both developments are scored.",
        text={"premise": "sentence1", "hypothesis": "sentence2"},
        labels=("entailment", "neutral", "contradiction"),
        examples=(392_702, 9815),
        label="gold_label",
        matched=9832,
    ),
    Benchmark(
        name="superglue/cb",
        folder="CB",
        summary="Is its author committed to the clause in a text? Three classes, 250 examples.",
        text=_same("premise", "hypothesis"),
        labels=("entailment", "contradiction", "neutral"),
        examples=(250, 56),
    ),
    Benchmark(
        name="superglue/rte",
        folder="RTE",
        summary="Does one sentence follow from the other? SuperGLUE's files of RTE.",
        text=_same("premise", "hypothesis"),
        labels=ENTAILMENT,
        examples=(2490, 277),
    ),
)
