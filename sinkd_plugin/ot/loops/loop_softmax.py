"""The softmax by loops: compiled for few classes, NumPy's for many."""

from __future__ import annotations

import numpy as np

from sinkd_plugin.ot.loops.distance_loops import FEW_CLASSES
from sinkd_plugin.ot.loops.softmax_loops import narrow_softmax
from sinkd_plugin.ot.loops.types import Array

_BLOCK = 2**16
"""Probabilities that are computed at a time, so that they stay in a cache between the passes over them."""


def softmax(logits: Array, temperature: float) -> Array:
    """The softmax at a temperature; a row with NaN or +inf, or nothing but -inf, becomes NaN.

    Args:
        logits: ``(groups, n, classes)``.
        temperature: τ.
    """
    probabilities = np.empty_like(logits)
    if logits.shape[-1] < FEW_CLASSES:
        narrow_softmax(logits, temperature, probabilities)
    else:
        _wide_softmax(logits, temperature, probabilities)
    return probabilities


def _wide_softmax(logits: Array, temperature: float, probabilities: Array) -> None:
    classes = logits.shape[-1]
    rows, result = logits.reshape(-1, classes), probabilities.reshape(-1, classes)
    step = max(1, _BLOCK // classes)
    with np.errstate(invalid="ignore"):  # what becomes NaN is looked for in the end
        for start in range(0, len(rows), step):
            given, out = rows[start : start + step], result[start : start + step]
            np.subtract(given, given.max(axis=1, keepdims=True), out=out)
            np.divide(out, temperature, out=out)
            np.exp(out, out=out)
            np.divide(out, out.sum(axis=1, keepdims=True), out=out)
