"""Whether the files of a student only hold what their names promise: weights that are weights, and no call for code."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sinkd_plugin.errors import WorldError
from sinkd_zoo.json_text import parse_object

CODE_KEYS = frozenset({"auto_map", "trust_remote_code", "custom_pipelines", "custom_code"})
"""Keys of a configuration that make a loader fetch and run code."""

LARGEST_CONFIGURATION = 4 * 2**20
_LARGEST_HEADER = 100_000_000
"""Bytes of a safetensors header beyond which the format's own reader gives up."""


class UnsafeContentError(WorldError):
    """A file of a student holds something else than its name promises."""


def require_harmless(folder: Path, names: Iterable[str], what: str) -> None:
    """Make sure that loading a student can run no code that came with it.

    Args:
        folder: The student.
        names: Relative paths of its files.
        what: What the folder is, for the message.

    Raises:
        UnsafeContentError: If a weight file is no safetensors file, or a configuration asks for code.
    """
    problems = [problem for name in sorted(names) if (problem := _problem(folder / name))]
    if problems:
        raise UnsafeContentError(
            f"{what} must hold weights and plain configuration only.",
            received="; ".join(problems),
            cure="Do not use it; whoever publishes it can save it again with save_pretrained.",
        )


def _problem(path: Path) -> str | None:
    if path.suffix == ".safetensors":
        return _weights_problem(path)
    if path.name.endswith("config.json"):
        return _configuration_problem(path)
    return None


def _weights_problem(path: Path) -> str | None:
    """The first bytes tell: the length of the header, little-endian, and then the header, a JSON object."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", (stream.read(8) + bytes(8))[:8])
        if not 2 <= length <= min(size - 8, _LARGEST_HEADER):
            return f"{path.name} is no safetensors file"
        try:
            header = json.loads(stream.read(length))
        except (ValueError, RecursionError):
            header = None
    return None if isinstance(header, dict) else f"{path.name} is no safetensors file"


def _configuration_problem(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            text = stream.read(LARGEST_CONFIGURATION + 1)
        found = sorted(_keys_in(parse_object(text, LARGEST_CONFIGURATION)) & CODE_KEYS)
    except ValueError as error:
        return f"{path.name} is no plain configuration ({error})"
    return f"{path.name} asks for code with {', '.join(found)}" if found else None


def _keys_in(data: Any) -> set[str]:
    if isinstance(data, list):
        return {key for value in data for key in _keys_in(value)}
    if isinstance(data, dict):
        return {*data, *(key for value in data.values() for key in _keys_in(value))}
    return set()
