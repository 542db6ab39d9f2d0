"""Accuracy, F1 and Matthews correlation with bootstrap intervals, and agreement between two models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sinkd_plugin.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

METRICS = ("accuracy", "f1", "matthews_correlation")

RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The scores of one model on one split.

    Args:
        accuracy: Share of correct predictions.
        f1: F1 of class 1 for two classes, the unweighted mean over the classes (macro) for more.
        matthews_correlation: Matthews correlation coefficient, in [-1, 1]; 0 where it is not defined.
        n: Number of examples.
        interval: 95 % bootstrap interval of each metric.
    """

    accuracy: float
    f1: float
    matthews_correlation: float
    n: int
    interval: dict[str, tuple[float, float]]

    def as_json(self) -> dict[str, Any]:
        """Plain data, as in ``result.json``."""
        return {
            **{name: getattr(self, name) for name in METRICS},
            "n": self.n,
            "interval": {name: list(bounds) for name, bounds in self.interval.items()},
        }


def score(labels: Sequence[int], predictions: Sequence[int], label_count: int, seed: int = 0) -> Scores:
    """Score predictions against labels.

    The intervals are percentile bootstrap intervals over examples. Every metric depends on the confusion counts
    alone, and those of a resample of n examples are a multinomial draw, so the counts are drawn instead of examples.
    The scores are scikit-learn's; those of the resamples follow the same formulas on all confusion tables at once,
    because a thousand calls for each metric take seconds.

    Args:
        labels: True class of each example, from 0.
        predictions: Predicted class of each example, from 0.
        label_count: Number of classes.
        seed: Seed of the resamples.

    Returns:
        The scores with 95 % intervals.

    Raises:
        DataError: If there are no examples, the lengths differ, or a class is outside ``[0, label_count)``.

    Reference: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3.

    Example:
        >>> score([0, 1, 1, 0], [0, 1, 0, 0], label_count=2).accuracy
        0.75
    """
    import numpy as np

    point = point_scores(labels, predictions, label_count)
    confusion = np.zeros((label_count, label_count), dtype=np.int64)
    np.add.at(confusion, (np.asarray(labels), np.asarray(predictions)), 1)
    n = len(labels)
    draws = np.random.default_rng(seed).multinomial(n, confusion.ravel() / n, size=RESAMPLES)
    resamples = confusion_metrics(draws.reshape(-1, label_count, label_count))
    return Scores(**point, n=n, interval={name: bounds(resamples[name]) for name in METRICS})


def point_scores(labels: Sequence[int], predictions: Sequence[int], label_count: int) -> dict[str, float]:
    """The three metrics without intervals, for scoring during training; arguments and errors as for ``score``."""
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    _check(labels, predictions, label_count)
    positive = {"labels": [1]} if label_count == 2 else {}
    one_class = len({*labels, *predictions}) == 1
    return {
        "accuracy": float(accuracy_score(labels, predictions)),
        "f1": float(f1_score(labels, predictions, average="macro", zero_division=0.0, **positive)),
        "matthews_correlation": 0.0 if one_class else float(matthews_corrcoef(labels, predictions)),
    }


def confusion_metrics(confusions: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """The three metrics of many confusion tables at once.

    With table ``C``, its row sums ``t``, column sums ``p`` and total ``n``: accuracy is ``tr C / n``, F1 of class k
    is ``2 C_kk / (t_k + p_k)``, and the correlation ``(n tr C - p·t) / sqrt((n² - p·p)(n² - t·t))``.

    Args:
        confusions: ``(tables, classes, classes)``, rows = labels, columns = predictions; no table is all zero.

    Returns:
        An array ``(tables,)`` for each metric; 0 where it is not defined. A class that a table does not have is no
        class of it, and does not count into the macro mean.

    Reference: Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient, 2004.
    """
    import numpy as np

    tables = confusions.astype(np.float64)
    hits = np.diagonal(tables, axis1=1, axis2=2)
    truths, predicted = tables.sum(axis=2), tables.sum(axis=1)
    n, correct, classes = truths.sum(axis=1), hits.sum(axis=1), truths + predicted
    f1 = 2 * hits / np.maximum(classes, 1)
    macro = f1.sum(axis=1) / (classes > 0).sum(axis=1)
    spread = (n**2 - (predicted**2).sum(axis=1)) * (n**2 - (truths**2).sum(axis=1))
    covariance = n * correct - (predicted * truths).sum(axis=1)
    return {
        "accuracy": correct / n,
        "f1": f1[:, 1] if f1.shape[1] == 2 else macro,
        "matthews_correlation": np.where(spread > 0, covariance / np.sqrt(np.where(spread > 0, spread, 1)), 0.0),
    }


def agreement(a: Sequence[Any], b: Sequence[Any]) -> float:
    """Share of examples for which two models give the same answer: a class, or a text.

    Raises:
        DataError: If there are none, or the lengths differ.
    """
    _check_lengths(a, b)
    return sum(bool(one == other) for one, other in zip(a, b, strict=True)) / len(a)


def _check_lengths(a: Sequence[Any], b: Sequence[Any]) -> None:
    if len(a) != len(b) or len(a) == 0:
        raise DataError("There must be as many predictions as labels, at least one.", received=f"{len(a)} and {len(b)}")


def _check(labels: Sequence[int], predictions: Sequence[int], label_count: int) -> None:
    _check_lengths(labels, predictions)
    low, high = min(*labels, *predictions), max(*labels, *predictions)
    if low < 0 or high >= label_count:
        raise DataError(
            f"Labels and predictions must be classes from 0 to {label_count - 1}.",
            received=f"values from {low} to {high}",
        )


def bounds(values: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % percentile interval of a metric over the resamples ``(resamples,)``."""
    import numpy as np

    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)
