"""The softmax of few classes, and the derivative of any, as loops."""

from __future__ import annotations

import math

import numpy as np

from sinkd_plugin.ot.loops.compiled import compiled
from sinkd_plugin.ot.loops.types import Array


@compiled
def narrow_softmax(logits: Array, temperature: float, probabilities: Array) -> None:
    """The softmax at a temperature, for few classes.

    Args:
        logits: ``(groups, n, classes)``.
        temperature: τ.
        probabilities: Receives ``(groups, n, classes)``.
    """
    groups, n, classes = logits.shape
    for group in range(groups):
        for i in range(n):
            row, out = logits[group, i], probabilities[group, i]
            # Shifted first: huge logits over a temperature below one would overflow.
            largest, total = logits.dtype.type(-np.inf), logits.dtype.type(0)
            for k in range(classes):
                largest = max(largest, row[k])
            for k in range(classes):
                out[k] = math.exp((row[k] - largest) / logits.dtype.type(temperature))
                total += out[k]
            for k in range(classes):
                out[k] /= total


@compiled
def softmax_gradient(probabilities: Array, temperature: float, gradient: Array) -> None:
    """``s_k (g_k - Σ_l s_l g_l) / τ``, in place.

    Args:
        probabilities: ``(groups, n, classes)``.
        temperature: τ.
        gradient: Holds the derivative by the probabilities, receives that by the logits.
    """
    groups, n, classes = probabilities.shape
    share = probabilities.dtype.type(1 / temperature)
    for group in range(groups):
        for i in range(n):
            s, g = probabilities[group, i], gradient[group, i]
            mean = probabilities.dtype.type(0)
            for k in range(classes):
                mean += s[k] * g[k]
            for k in range(classes):
                g[k] = s[k] * (g[k] - mean) * share
