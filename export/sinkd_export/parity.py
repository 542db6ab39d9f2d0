"""Differences between two models' logits: pure arithmetic and the record of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class CaseParity:
    """Parity on one kind of input.

    Args:
        case: What the inputs are.
        rows: Number of inputs.
        max_difference: Largest absolute difference of a logit.
        mean_difference: Mean absolute difference of the logits.
        argmax_agreement: Share of rows with the same label.
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
        tolerance: What ``relative_difference`` may be at most.
        cases: Parity on each kind of input.
    """

    logit_range: float
    relative_difference: float
    tolerance: float
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


def summarise(cases: Sequence[CaseParity], expected: Mapping[str, NDArray[np.float32]], tolerance: float) -> Parity:
    """One parity over all cases.

    Args:
        cases: Parity of each case.
        expected: PyTorch's logits of each case.
        tolerance: The gate.
    """
    highest = max(float(logits.max()) for logits in expected.values())
    lowest = min(float(logits.min()) for logits in expected.values())
    logit_range = max(highest - lowest, float(np.finfo(np.float32).tiny))
    worst = max(case.max_difference for case in cases)
    return Parity(
        logit_range=logit_range, relative_difference=worst / logit_range, tolerance=tolerance, cases=tuple(cases)
    )


def parity_problems(parity: Parity) -> list[str]:
    """Everything in a parity that fails its gate; labels must agree everywhere."""
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
