"""Differences between two models' logits: pure arithmetic and the record of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class CaseParity:
    """Parity on one kind of input.

    Args:
        case: What the inputs are.
        rows: Number of rows of logits: one an input for a classifier, one a token for a language model.
        max_difference: Largest absolute difference of a logit.
        mean_difference: Mean absolute difference of the logits.
        argmax_agreement: Share of rows with the same label, or the same next token.
    """

    case: str
    rows: int
    max_difference: float
    mean_difference: float
    argmax_agreement: float


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Parity of an export with PyTorch over all cases.

    Args:
        logit_range: Largest minus smallest of PyTorch's logits, over all cases.
        relative_difference: Largest difference of a logit, divided by ``logit_range``.
        tolerance: What ``relative_difference`` may be at most; ``None`` for lower precisions, which are judged by the
            task's metric.
        cases: Parity on each kind of input.
    """

    logit_range: float
    relative_difference: float
    tolerance: float | None
    cases: tuple[CaseParity, ...]


def compare(case: str, expected: NDArray[np.float32], actual: NDArray[np.float32]) -> CaseParity:
    """Compare logits of one shape ``(rows, labels)``; a logit that is not finite counts as infinitely far away."""
    difference = np.abs(expected.astype(np.float64) - actual)
    finite = bool(np.isfinite(difference).all())
    return CaseParity(
        case=case,
        rows=len(expected),
        max_difference=float(difference.max()) if finite else float("inf"),
        mean_difference=float(difference.mean()) if finite else float("inf"),
        argmax_agreement=float((expected.argmax(1) == actual.argmax(1)).mean()),
    )


def compare_tokens(case: str, expected: NDArray[np.int64], actual: NDArray[np.int64]) -> CaseParity:
    """Compare written tokens of one shape; tokens have no differences beyond being the same or not."""
    same = float((expected == actual).mean())
    return CaseParity(case=case, rows=expected.size, max_difference=0.0, mean_difference=0.0, argmax_agreement=same)


def joined(parts: Sequence[CaseParity]) -> CaseParity:
    """One case out of the batches it was compared in; all have logits of the same width."""
    rows = sum(part.rows for part in parts)
    return CaseParity(
        case=parts[0].case,
        rows=rows,
        max_difference=max(part.max_difference for part in parts),
        mean_difference=sum(part.mean_difference * part.rows for part in parts) / rows,
        argmax_agreement=sum(part.argmax_agreement * part.rows for part in parts) / rows,
    )


def summarise(cases: Sequence[CaseParity], logit_range: float, tolerance: float | None) -> Parity:
    """One parity over all cases.

    Args:
        cases: Parity of each case.
        logit_range: Largest minus smallest of PyTorch's logits, over all cases.
        tolerance: The gate.
    """
    logit_range = max(logit_range, float(np.finfo(np.float32).tiny))
    worst = max(case.max_difference for case in cases)
    return Parity(
        logit_range=logit_range, relative_difference=worst / logit_range, tolerance=tolerance, cases=tuple(cases)
    )


def parity_problems(parity: Parity) -> list[str]:
    """Everything in a parity that fails its gate; labels must agree everywhere.

    Without a gate, that is only what is no number.
    """
    if parity.tolerance is None:
        return [f"{case.case}: a logit is not finite" for case in parity.cases if not np.isfinite(case.max_difference)]
    allowed = parity.tolerance * parity.logit_range
    far = [
        f"{case.case}: a logit differs by {case.max_difference:.3g}, more than {allowed:.3g} "
        f"({parity.tolerance:g} of the logit range)"
        for case in parity.cases
        if not case.max_difference <= allowed
    ]
    flipped = [
        f"{case.case}: {1 - case.argmax_agreement:.1%} of {case.rows} labels differ"
        for case in parity.cases
        if case.argmax_agreement < 1
    ]
    return far + flipped
