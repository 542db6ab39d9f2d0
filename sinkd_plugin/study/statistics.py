"""What a few seeds can say about the difference of two methods: pure functions of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from sinkd_plugin.errors import DataError

CONFIDENCE = 0.95
RESAMPLES = 9999
"""Draws of the bootstrap, and of the permutation test where not all sign patterns are enumerated."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Scores of one method over seeds.

    Args:
        mean: Their mean.
        deviation: Their standard deviation (n - 1 in the denominator); ``None`` for one seed.
        n: How many.
    """

    mean: float
    deviation: float | None
    n: int


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Method minus reference, paired by seed.

    Args:
        mean: Mean of the differences.
        low: Lower end of the 95 % bootstrap interval of the mean; ``None`` for one pair.
        high: Its upper end.
        p_value: Of the two-sided paired permutation test; 1 for one pair.
        n: Pairs.
    """

    mean: float
    low: float | None
    high: float | None
    p_value: float
    n: int


def summarise(scores: Sequence[float]) -> Summary:
    """Mean and spread over seeds.

    Raises:
        DataError: If there are no scores, or one is not finite.
    """
    values = _finite("scores", scores)
    deviation = float(values.std(ddof=1)) if len(values) > 1 else None
    return Summary(mean=float(values.mean()), deviation=deviation, n=len(values))


def compare(method: Mapping[int, float], reference: Mapping[int, float], seed: int = 0) -> Difference:
    """Compare two methods on the seeds that both have.

    The interval is the bias-corrected bootstrap's (percentile where it is not defined, as for equal differences). The
    test flips the signs of the differences, which under "no difference" changes nothing: all ``2^n`` patterns up to 13
    pairs, so that its level is exact. With n pairs no p-value can fall below ``smallest_p(n)``.

    Args:
        method: Score by seed.
        reference: Score by seed.
        seed: Of the resamples.

    Raises:
        DataError: If the two share no seed, or a score is not finite.

    Reference: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 14 and 15.

    Example:
        >>> compare({0: 0.80, 1: 0.82, 2: 0.81}, {0: 0.79, 1: 0.80, 2: 0.80}).p_value
        0.25
    """
    shared = sorted(method.keys() & reference.keys())
    if not shared:
        raise DataError("Two methods are compared on the seeds that both have.", received="no common seed")
    differences = _finite("scores", [method[each] - reference[each] for each in shared])
    low, high = _interval(differences, seed)
    return Difference(
        mean=float(differences.mean()), low=low, high=high, p_value=sign_flip_test(differences, seed), n=len(shared)
    )


def sign_flip_test(differences: Sequence[float] | np.ndarray, seed: int = 0) -> float:
    """P-value of the two-sided paired permutation test; 1 for one pair.

    Args:
        differences: One a pair.
        seed: Of the sign patterns, where there are too many to take all.
    """
    if len(differences) < 2:
        return 1.0
    found = stats.permutation_test(
        (np.asarray(differences), np.zeros(len(differences))),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def smallest_p(pairs: int) -> float:
    """The smallest p-value that the two-sided paired permutation test can give: 0.0625 with five pairs."""
    return min(1.0, 2.0 ** (1 - pairs))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """P-values corrected for looking at several tasks, so that one false alarm among all is held at the level.

    Reference: Holm, A simple sequentially rejective multiple test procedure, 1979.

    Example:
        >>> holm({"cola": 0.01, "mrpc": 0.04, "sst2": 0.03})
        {'cola': 0.03, 'sst2': 0.06, 'mrpc': 0.06}
    """
    corrected: dict[str, float] = {}
    largest = 0.0
    for rank, (name, p_value) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_value))
        corrected[name] = largest
    return corrected


def gap_closed(student: float, undistilled: float, teacher: float) -> float | None:
    """How much of the way from a student without teacher to the teacher a distilled student has gone: 1 is all of it.

    Returns:
        ``None`` where the teacher is no better than the undistilled student: there is no gap to close.
    """
    gap = teacher - undistilled
    return (student - undistilled) / gap if gap > 0 else None


def _finite(what: str, values: Sequence[float]) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0 or not np.isfinite(array).all():
        raise DataError(f"There must be {what}, all of them finite.", received=list(values))
    return array


def _interval(differences: np.ndarray, seed: int) -> tuple[float | None, float | None]:
    if len(differences) < 2:
        return None, None
    if np.ptp(differences) == 0:
        return float(differences[0]), float(differences[0])
    found = stats.bootstrap(
        (differences,),
        np.mean,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        method="BCa",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)
