"""What the adaptors returned for the micro-batches of a group, put together as one batch would have it.

Results become flat records of tensors by dotted name, so that they can be joined, and sent to other processes. They may
differ in length: micro-batches are padded to their own longest text, a whole batch to the longest of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn.functional import pad

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.textbrewer.addends import addends
from sinkd_plugin.textbrewer.batches import tensors
from sinkd_plugin.textbrewer.features import DECODER_FEATURES, MASKS, mask_of

Flat = dict[str, torch.Tensor]
_KEPT = ("logits", "logits_mask", "labels", *MASKS)
_NO_LABEL = -100
"""What PyTorch's cross-entropy leaves out."""


def pruned(results: Mapping[str, Any], layers: Mapping[str, set[int]], batch: Any) -> dict[str, Any]:
    """What a loss may look at, and no more: the rest of a large model's outputs would fill the memory.

    Args:
        results: What an adaptor returned, lists as TextBrewer makes them.
        layers: For each feature of the intermediate matches, the numbers of the layers that they compare.
        batch: What the model saw; its labels tell how many rows a loss is the mean of.

    Returns:
        The logits, masks, labels and layers; ``losses`` and ``addends``, ``(1, heads)`` each: the mean of how many.
    """
    found = {key: results[key] for key in _KEPT if key in results}
    for feature, numbers in layers.items():
        states = results.get(feature) or ()
        kept = {number % len(states) for number in numbers if -len(states) <= number < len(states)}
        found[feature] = [state if number in kept else None for number, state in enumerate(states)]
    losses = [loss.mean() for loss in results.get("losses", []) if loss is not None]
    if losses:
        found["losses"] = torch.stack(losses).unsqueeze(0)
        found["addends"] = found["losses"].new_tensor([addends(batch, results, len(losses))])
    return found


def flattened(results: Mapping[str, Any]) -> Flat:
    """Every tensor of pruned results by its dotted name."""
    return tensors(results, "")


def refilled(template: Any, flat: Mapping[str, torch.Tensor], name: str = "") -> Any:
    """Results of the template's structure with the tensors of ``flat``."""
    if isinstance(template, torch.Tensor):
        return flat[name]
    if isinstance(template, Mapping):
        return {key: refilled(value, flat, f"{name}.{key}") for key, value in template.items()}
    if isinstance(template, (list, tuple)):
        return [refilled(value, flat, f"{name}.{number}") for number, value in enumerate(template)]
    return template


def with_mean_losses(results: dict[str, Any]) -> dict[str, Any]:
    """Joined results with ``losses`` as an adaptor returns them: one 0-dim mean a head, over the rows of the group."""
    if "losses" not in results:
        return results
    losses, counts = results.pop("losses"), results.pop("addends")
    # where every label is left out a model returns the mean of nothing, which is NaN
    weighted = torch.where(counts > 0, losses * counts, torch.zeros_like(losses))
    return {**results, "losses": list(weighted.sum(0) / counts.sum(0).clamp(min=1))}


def joined(parts: Sequence[Flat]) -> Flat:
    """The tensors of all parts one after another, padded to a common length where masks hide the padding.

    Args:
        parts: The same names in each; shapes that may differ in the first dimension, and where there is a mask
            (``inputs_mask`` for hidden layers and attention, ``logits_mask`` for logits) in lengths.

    Raises:
        LossInputError: If lengths differ and there is no mask, or the parts do not have the same tensors.
    """
    if any(part.keys() != parts[0].keys() for part in parts):
        raise LossInputError(
            "The adaptors must return the same entries for every batch.",
            received=f"{_listed(parts[0])} for one and others for another",
        )
    return {name: _cat(name, [part[name] for part in parts], parts[0]) for name in parts[0]}


def _cat(name: str, found: Sequence[torch.Tensor], part: Flat) -> torch.Tensor:
    if len({tensor.shape[1:] for tensor in found}) == 1:
        return torch.cat(list(found))
    dimensions = {tensor.dim() for tensor in found}
    if len(dimensions) > 1 or not _may_differ(name, found, part):
        raise LossInputError(
            f"The micro-batches of a group must have '{name.strip('.')}' of one shape, or a mask that hides padding.",
            received=", ".join(sorted({str(tuple(tensor.shape)) for tensor in found})),
            cure="Return 'inputs_mask' (for hidden layers and attention) or 'logits_mask' (for logits) from both "
            "adaptors, pad all batches to one length, or let each micro-batch be a group of its own: scope 'local'.",
        )
    longest = [max(lengths) for lengths in zip(*(tensor.shape[1:] for tensor in found), strict=True)]
    fill = _NO_LABEL if _is(name, "labels") else 0
    return torch.cat([pad(tensor, _missing(tensor.shape[1:], longest), value=fill) for tensor in found])


def _missing(shape: Sequence[int], longest: Sequence[int]) -> list[int]:
    """What ``pad`` has to add behind each dimension but the first; it counts from the last one."""
    return [size for have, want in zip(reversed(shape), reversed(longest), strict=True) for size in (0, want - have)]


def _may_differ(name: str, found: Sequence[torch.Tensor], part: Flat) -> bool:
    if any(_is(name, kind) for kind in ("labels", "logits_mask", *MASKS)):
        return True
    if _is(name, "logits"):
        same_classes = len({tensor.shape[-1] for tensor in found}) == 1
        return same_classes and any(_is(other, "logits_mask") for other in part)
    feature = next((part for part in name.split(".") if part in DECODER_FEATURES), "hidden")
    return any(_is(other, mask_of(feature)) for other in part)


def _is(name: str, kind: str) -> bool:
    return kind in name.split(".")


def trainable(name: str) -> bool:
    """Whether a gradient may go back through this tensor: it is the student's, and no mask, label or count."""
    fixed = ("logits_mask", "labels", "addends", *MASKS)
    return name.startswith((".student.", ".caught_S.")) and not any(_is(name, kind) for kind in fixed)


def _listed(part: Flat) -> str:
    return ", ".join(sorted(name.strip(".") for name in part))
