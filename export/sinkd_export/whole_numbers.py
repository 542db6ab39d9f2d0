"""What counts as a whole number, in an argument or in a file."""

from __future__ import annotations

from numbers import Integral
from typing import TypeGuard

from sinkd_plugin.errors import UserError


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number, numpy's among them; to Python alone True and False would be two."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def whole_in_file(value: object, least: int) -> int | None:
    """A whole number as a file has it, or ``None`` if it is none or below ``least``.

    Tokenizers without a maximum say 1e30, so a float is welcome where it is whole.
    """
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    return int(number) if is_whole(number) and number >= least else None


def at_least_one(name: str, value: object) -> int:
    """An argument that counts something.

    Args:
        name: What the caller knows it by.
        value: What was given.

    Raises:
        UserError: If it is no whole number, or below 1.
    """
    if not is_whole(value) or value < 1:
        raise UserError(f"{name} must be a whole number, at least 1.", received=repr(value))
    return int(value)
