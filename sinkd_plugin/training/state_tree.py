"""Nested states as JSON and named tensors, and back: nothing is pickled, nothing changes by a bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

_TENSOR, _ARRAY, _ITEMS, _TUPLE = "$tensor", "$array", "$items", "$tuple"


def split(state: Any) -> tuple[Any, dict[str, torch.Tensor]]:
    """What JSON says of a state, and its tensors by name.

    Args:
        state: Mappings, lists, tuples, tensors, arrays, numbers, texts, ``None``.
    """
    tensors: dict[str, torch.Tensor] = {}
    seen: dict[tuple[Any, ...], str] = {}

    def plain(value: Any, name: str) -> Any:
        if isinstance(value, np.ndarray):
            return {_ARRAY: plain(torch.from_numpy(value.astype(np.int64)), name), "type": str(value.dtype)}
        if isinstance(value, torch.Tensor):
            # tied weights share their memory, which a file of tensors does not
            place = (value.untyped_storage().data_ptr(), value.storage_offset(), value.shape, value.stride())
            if value.numel() == 0 or place not in seen:
                seen[place] = name
                tensors[name] = value.detach().cpu().clone().contiguous()
            return {_TENSOR: seen[place] if value.numel() else name}
        if isinstance(value, Mapping):
            return {_ITEMS: [[key, plain(item, f"{name}.{key}")] for key, item in value.items()]}
        if isinstance(value, (list, tuple)):
            items = [plain(item, f"{name}.{number}") for number, item in enumerate(value)]
            return {_TUPLE: items} if isinstance(value, tuple) else items
        return value

    return plain(state, "state"), tensors


def joined(plain: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """The state that ``split`` took apart."""
    if isinstance(plain, list):
        return [joined(item, tensors) for item in plain]
    if not isinstance(plain, dict):
        return plain
    if _TENSOR in plain:
        return tensors[plain[_TENSOR]]
    if _ARRAY in plain:
        return joined(plain[_ARRAY], tensors).numpy().astype(plain["type"])
    if _TUPLE in plain:
        return tuple(joined(item, tensors) for item in plain[_TUPLE])
    return {key: joined(item, tensors) for key, item in plain[_ITEMS]}
