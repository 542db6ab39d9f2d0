"""Logits of several heads: widened, masked, and with the teacher's mistakes put right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.textbrewer.host import textbrewer

_host = textbrewer()


def tidied(results: Mapping[str, Any]) -> dict[str, Any]:
    """Without a loss that is ``None``, and with a mask for each head.

    Transformers' models return ``None`` where the batch has no labels; TextBrewer stumbles over one mask for several
    heads.
    """
    found = dict(results)
    losses = [loss for loss in found.pop("losses", []) if loss is not None]
    if losses:
        found["losses"] = losses
    if len(found.get("logits_mask", [])) == 1:
        found["logits_mask"] = list(found["logits_mask"]) * len(found.get("logits", []))
    return found


def in_float32(results: Mapping[str, Any]) -> dict[str, Any]:
    """Logits and what intermediate matches compare: autocast leaves some in half precision and some not."""
    return {
        name: [_widened(tensor) for tensor in value] if _are_features(name, value) else value
        for name, value in results.items()
    }


def _are_features(name: str, value: Any) -> bool:
    return name in ("logits", *_host.FEATURES) and isinstance(value, (list, tuple))


def _widened(tensor: Any) -> Any:
    half = isinstance(tensor, torch.Tensor) and tensor.dtype in (torch.float16, torch.bfloat16)
    return tensor.float() if half else tensor


def selected(results: Mapping[str, Any]) -> list[torch.Tensor]:
    """The logits of each head: those that its mask selects ``(rows, classes)``; all, where there is no mask.

    As in TextBrewer, a mask acts on logits ``(batch, length, classes)`` only.
    """
    heads: Sequence[torch.Tensor] = results.get("logits", [])
    masks = results.get("logits_mask") or [None] * len(heads)
    return [_select(logits, mask) for logits, mask in zip(heads, masks, strict=True)]


def _select(logits: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    return logits if mask is None or logits.dim() != 3 else logits[mask.bool()]


def examples_not_finite(results: Mapping[str, Any], row_examples: torch.Tensor | None = None) -> list[int]:
    """Examples of the batch that hold NaN or +inf where a mask does not hide them; -inf may rule out a class.

    Args:
        results: Logits of each head, one row or one sequence of rows an example.
        row_examples: ``(rows,)``, which example each row is of, where an example has several; ``None``: one each.
    """
    heads: Sequence[torch.Tensor] = results.get("logits", [])
    masks = results.get("logits_mask") or [None] * len(heads)
    found: set[int] = set()
    for logits, mask in zip(heads, masks, strict=True):
        if logits.numel() == 0:
            continue
        largest = logits.amax(dim=-1)  # NaN wins over every number: no mask as large as the vocabulary
        broken = largest.isnan() | largest.isposinf()
        if mask is not None and logits.dim() == 3:
            broken &= mask.bool()
        rows = broken.reshape(len(broken), -1).any(dim=1).nonzero().flatten()
        found.update((rows if row_examples is None else row_examples.to(rows.device)[rows]).tolist())
    return sorted(found)


def shifted(teacher: Mapping[str, Any], student: Mapping[str, Any]) -> dict[str, Any]:
    """The teacher's results with ``probability_shift``: the true class swaps logits with the teacher's favourite.

    In new tensors, before any mask, and only where there is a true class: a negative label, such as -100, has none.

    Args:
        teacher: Its ``logits`` are ``(batch, classes)`` or ``(batch, length, classes)``.
        student: Its ``labels`` are ``(batch,)`` or ``(batch, length)``, one for each head.

    Raises:
        LossInputError: If there are no labels, not one for each head, or not one for each row.
    """
    heads, labels = teacher.get("logits", []), student.get("labels", [])
    if len(labels) != len(heads):
        raise LossInputError(
            "'probability_shift' needs 'labels' from the student's adaptor, one for each head.",
            received=f"{len(labels)} for {len(heads)} heads",
            cure="Return {'labels': batch['labels'], …}.",
        )
    return {**teacher, "logits": [_shift(head, label) for head, label in zip(heads, labels, strict=True)]}


def _shift(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    if labels.shape != logits.shape[:-1]:
        raise LossInputError(
            "'labels' must name one class for each row of the logits.",
            received=f"labels {tuple(labels.shape)} and logits {tuple(logits.shape)}",
        )
    favourite = logits.argmax(dim=-1, keepdim=True)
    true = torch.where(labels.unsqueeze(-1) < 0, favourite, labels.unsqueeze(-1))
    swapped = logits.scatter(-1, favourite, logits.gather(-1, true))
    return swapped.scatter(-1, true, logits.gather(-1, favourite))


def averaged(teachers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several teachers' results as one: the mean of their logits, head by head, behind the first one's mask.

    Raises:
        LossInputError: If they differ in heads, shapes, or in whether there is a mask.
    """
    kinds = {(tuple(head.shape for head in each.get("logits", [])), "logits_mask" in each) for each in teachers}
    if len(kinds) != 1:
        raise LossInputError(
            "All teachers' adaptors must return logits of the same shapes, and a 'logits_mask' all or none.",
            received=f"{len(kinds)} kinds of results from {len(teachers)} teachers",
        )
    heads = zip(*(each.get("logits", []) for each in teachers), strict=True)
    return {**teachers[0], "logits": [torch.stack([logits.float() for logits in head]).mean(dim=0) for head in heads]}
