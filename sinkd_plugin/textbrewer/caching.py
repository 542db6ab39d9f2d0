"""``is_caching_logits``: batches whose teachers have already spoken."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import torch

from sinkd_plugin.textbrewer.modes import each_model


class CachedBatches:
    """Batches with the teachers' results, in another order each epoch; who is together in a batch never changes.

    Args:
        batches: Pairs of a batch and of what the teacher's adaptor returned for it, on the CPU.
    """

    def __init__(self, batches: list[tuple[Any, Any]]) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        random.shuffle(self._batches)  # the generator that TextBrewer's users seed
        return iter(list(self._batches))


def kept(results: Any) -> Any:
    """What of a teacher's results, or of each teacher's, a logits loss needs later; on the CPU.

    TextBrewer keeps the logits alone, and masks the teacher's by the student's mask.
    """
    if isinstance(results, list):
        return [kept(each) for each in results]
    wanted = {name: value for name, value in results.items() if name in ("logits", "logits_mask")}
    return {name: [tensor.detach().cpu() for tensor in value] for name, value in wanted.items()}


def spoken(model: Any, batch: Any, arguments: Any) -> Any:
    """Outputs of the teacher, or of each, for a batch on its device."""
    with torch.no_grad():
        outputs = [_called(each, batch, arguments) for each in each_model(model)]
    return outputs if isinstance(model, (list, tuple)) else outputs[0]


def _called(model: Any, batch: Any, arguments: Any) -> Any:
    return model(**batch, **arguments) if isinstance(batch, dict) else model(*batch, **arguments)
