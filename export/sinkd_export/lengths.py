"""The numbers of tokens that a model's own files tell, each with room for a pair of texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sinkd_export.whole_numbers import whole_in_file
from sinkd_plugin.errors import ModelReferenceError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def smallest_length(tokenizer: PreTrainedTokenizerBase) -> int:
    """Tokens that are added to a pair, and one to read: with fewer, nothing of a text could be kept."""
    return int(tokenizer.num_special_tokens_to_add(pair=True)) + 1


def length_of(value: object, name: str, folder: Path, *, least: int) -> int:
    """A number of tokens as a model's files set it.

    Args:
        value: What stands there.
        name: The setting, and the file that it stands in.
        folder: The model's folder.
        least: The smallest that makes sense.

    Raises:
        ModelReferenceError: If it is no whole number, or below ``least``.
    """
    length = whole_in_file(value, least)
    if length is not None:
        return length
    raise ModelReferenceError(
        f"{name} must be a whole number of tokens, at least {least}.",
        received=f"{value!r} in '{folder}'",
        cure="Correct it there, or remove the entry.",
    )
