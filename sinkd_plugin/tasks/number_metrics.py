"""Correlations of predicted numbers with the true ones, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sinkd_plugin.errors import DataError
from sinkd_plugin.tasks.metrics import RESAMPLES, bounds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def score_numbers(truths: Sequence[float], predictions: Sequence[float], seed: int = 0) -> dict[str, Any]:
    """Score predicted numbers.

    The intervals are percentile bootstrap intervals over examples; ranks are taken anew in each resample.

    Args:
        truths: The true number of each example.
        predictions: The predicted ones.
        seed: Seed of the resamples.

    Returns:
        ``pearson`` and ``spearman``, in [-1, 1] and 0 where either side is constant; ``n``; and ``interval``, the 95 %
        interval of each.

    Raises:
        DataError: If there are no examples, the lengths differ, or a number is not finite.

    Example:
        >>> score_numbers([1.0, 2.0, 3.0], [1.0, 4.0, 9.0])["spearman"]
        1.0
    """
    import numpy as np
    from scipy.stats import rankdata

    pairs = _checked(truths, predictions)
    draws = np.random.default_rng(seed).integers(0, len(truths), size=(RESAMPLES, len(truths)))
    found: dict[str, Any] = {}
    interval = {}
    for name, transform in (("pearson", np.asarray), ("spearman", lambda values: rankdata(values, axis=-1))):
        found[name] = float(_correlation(*(transform(values[None]) for values in pairs))[0])
        interval[name] = bounds(_correlation(*(transform(values[draws]) for values in pairs)))
    return {**found, "n": len(truths), "interval": {name: list(each) for name, each in interval.items()}}


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson's, of each row; 0 where a row is constant."""
    import numpy as np

    deviations = [values - values.mean(axis=1, keepdims=True) for values in (one, other)]
    product = (deviations[0] * deviations[1]).sum(axis=1)
    size = np.sqrt((deviations[0] ** 2).sum(axis=1) * (deviations[1] ** 2).sum(axis=1))
    return np.where(size > 0, product / np.where(size > 0, size, 1), 0.0)


def _checked(truths: Sequence[float], predictions: Sequence[float]) -> list[NDArray[np.float64]]:
    import numpy as np

    if len(truths) != len(predictions) or not len(truths):
        raise DataError(
            "There must be as many predictions as true numbers, at least one.",
            received=f"{len(truths)} and {len(predictions)}",
        )
    arrays = [np.asarray(values, dtype=np.float64) for values in (truths, predictions)]
    if not all(np.isfinite(values).all() for values in arrays):
        raise DataError("Numbers and predictions must be finite.", received="NaN or infinity")
    return arrays
