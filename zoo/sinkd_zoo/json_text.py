"""Read JSON that may come from a stranger: bounded, without keys given twice, without what JSON does not have."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

DEEPEST = 32
"""Levels of nesting that anything in a zoo may have."""


def parse_object(text: bytes, largest: int) -> dict[str, Any]:
    """A JSON object.

    Args:
        text: UTF-8.
        largest: Bytes beyond which it is not even parsed.

    Raises:
        ValueError: If it is no JSON object, too large, too deep, or gives a key twice.
    """
    if len(text) > largest:
        raise ValueError(f"it is larger than {largest} bytes")
    try:
        data = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_once)
        deep = _deeper_than(data, DEEPEST)
    except RecursionError:
        deep = True
    if deep:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels")
    if not isinstance(data, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 (the text is wrong, not the caller)
    return data


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is given twice")
        found[key] = value
    return found


def _deeper_than(data: Any, levels: int) -> bool:
    row = [data]
    for _ in range(levels):
        inner = [list(value.values()) if isinstance(value, dict) else value for value in row]
        row = [value for values in inner if isinstance(values, list) for value in values]
        if not row:
            return False
    return any(isinstance(value, dict | list) for value in row)
