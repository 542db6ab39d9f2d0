"""How many addends a hard-label loss is the mean of, so that means over parts make up the mean over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

_TARGETS = ("answers", "labels")
"""Entries of a batch that hold the classes a model is to predict; a negative one, such as -100, is left out."""


def addends(batch: Any, results: Mapping[str, Any], heads: int = 1) -> list[float]:
    """The number of addends for each head's loss.

    Args:
        batch: What the model saw, or a part for each model of which ``student`` is one.
        results: What the adaptor returned; empty if it has not been asked. Its ``addends``, if it tells them, are
            believed; its ``labels`` count where the batch has none; and its rows of logits where nothing has labels.
        heads: How many losses there are.
    """
    told = results.get("addends")
    if told is not None:
        return [float(told)] * heads
    own = batch.get("student", batch) if isinstance(batch, Mapping) else None
    found = [own[name] for name in _TARGETS if name in own] if isinstance(own, Mapping) else []
    labels = found[:1] or results.get("labels") or [None]
    counts = [_counted(label, own, results) for label in labels]
    return counts if len(counts) == heads else counts[:1] * heads


def _counted(labels: Any, batch: Any, results: Mapping[str, Any]) -> float:
    if isinstance(labels, torch.Tensor) and not labels.is_floating_point():
        return float((labels >= 0).sum())
    logits = results.get("logits") or ()
    rows = [*logits, *(_values(batch) if not logits else ())]
    return float(len(rows[0])) if rows else 1.0


def _values(batch: Any) -> list[torch.Tensor]:
    """The tensors of a batch, whose first dimension is its examples."""
    values = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, (list, tuple)) else ()
    return [value for value in values if isinstance(value, torch.Tensor) and value.dim() > 0]
