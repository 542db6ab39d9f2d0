"""The JSON files of an exported folder: what stands in them is checked before anything is made of it."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sinkd_export.whole_numbers import whole_in_file
from sinkd_plugin.errors import ModelReferenceError

CURE = "Export the model again."


def read_settings(path: Path) -> Mapping[str, Any]:
    """Read a JSON object of an exported folder.

    Raises:
        ModelReferenceError: If it is no JSON object.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(path, error) from error
    if not isinstance(data, dict):
        raise unreadable(path, TypeError("no JSON object"))
    return data


def read_length(path: Path, name: str, *, least: int) -> int | None:
    """A number of tokens that a file sets; ``None`` if it sets none.

    Args:
        path: The file.
        name: The setting.
        least: The smallest that makes sense.

    Raises:
        ModelReferenceError: If the file is damaged, or what it holds there is no whole number or below ``least``.
    """
    value = read_settings(path).get(name)
    if value is None:
        return None
    length = whole_in_file(value, least)
    if length is None:
        raise bad_setting(path, f"hold a whole number in {name}, at least {least}", value)
    return length


def bad_setting(path: Path, rule: str, received: object) -> ModelReferenceError:
    """The error for a file that can be read and says what cannot be; ``rule`` goes on after "must"."""
    return ModelReferenceError(f"'{path}' must {rule}.", received=reprlib.repr(received), cure=CURE)


def unreadable(path: Path, error: Exception) -> ModelReferenceError:
    """The error for a file that is missing or not what its name says."""
    return ModelReferenceError(f"'{path}' must be readable.", received=str(error).splitlines()[0], cure=CURE)
