"""Corpus metrics of written texts against their references, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sinkd_plugin.errors import DataError
from sinkd_plugin.tasks.kinds import METRICS_OF
from sinkd_plugin.tasks.metrics import RESAMPLES, bounds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROUGE = ("rouge1", "rouge2", "rougeL")
ORDERS = 4
"""Longest n-grams of BLEU."""


def score_texts(references: Sequence[str], written: Sequence[str], seed: int = 0) -> dict[str, Any]:
    """Score written texts.

    BLEU is sacrebleu's, of the corpus, from 0 to 100, with its default tokenisation ``13a``. ROUGE is rouge-score's
    F-measure, the mean over the texts, from 0 to 1; it sees the letters a to z and digits only, so it is for English.
    The intervals are percentile bootstrap intervals over texts.

    Args:
        references: What should be written, one text each.
        written: What was written.
        seed: Seed of the resamples.

    Returns:
        ``bleu``, ``rouge1``, ``rouge2``, ``rougeL``, ``exact_match`` (the share of texts that are their reference but
        for spaces at the ends), ``n``, and ``interval``, the 95 % interval of each.

    Raises:
        DataError: If there are no texts, or the lengths differ.

    Reference: Post 2018, A Call for Clarity in Reporting BLEU Scores; Lin 2004, ROUGE.

    Example:
        >>> score_texts(["a warm and funny film"], ["a warm and funny film"])["bleu"]
        100.0
    """
    import numpy as np

    if len(references) != len(written) or not references:
        raise DataError(
            "There must be as many written texts as references, at least one.",
            received=f"{len(written)} and {len(references)}",
        )
    counts, means = _bleu_counts(references, written), _per_text(references, written)
    draws = np.random.default_rng(seed).integers(0, len(written), size=(RESAMPLES, len(written)))
    found = {"bleu": _bleu(counts.sum(axis=0)), **{name: float(values.mean()) for name, values in means.items()}}
    resampled = {
        "bleu": np.array([_bleu(counts[draw].sum(axis=0)) for draw in draws]),
        **{name: np.array([values[draw].mean() for draw in draws]) for name, values in means.items()},
    }
    names = METRICS_OF["generation"]
    interval = {name: list(bounds(resampled[name])) for name in names}
    return {**{name: found[name] for name in names}, "n": len(written), "interval": interval}


def _bleu_counts(references: Sequence[str], written: Sequence[str]) -> NDArray[np.int64]:
    """What BLEU of a corpus is made of, text by text: n-grams that match, n-grams, and both lengths ``(texts, 10)``."""
    import numpy as np
    from sacrebleu.metrics import BLEU

    bleu = BLEU(effective_order=True)
    scores = [bleu.sentence_score(text, [reference]) for text, reference in zip(written, references, strict=True)]
    return np.array([[*score.counts, *score.totals, score.sys_len, score.ref_len] for score in scores])


def _bleu(counts: NDArray[np.int64]) -> float:
    from sacrebleu.metrics import BLEU

    matching, total = counts[:ORDERS].tolist(), counts[ORDERS : 2 * ORDERS].tolist()
    score = BLEU.compute_bleu(matching, total, int(counts[-2]), int(counts[-1]), smooth_method="exp")
    return min(float(score.score), 100.0)  # geometric means round up


def _per_text(references: Sequence[str], written: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    import numpy as np
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(ROUGE))
    scores = [scorer.score(reference, text) for reference, text in zip(references, written, strict=True)]
    rouge = {name: np.array([score[name].fmeasure for score in scores]) for name in ROUGE}
    same = [reference.strip() == text.strip() for reference, text in zip(references, written, strict=True)]
    return {**rouge, "exact_match": np.array(same, dtype=np.float64)}
