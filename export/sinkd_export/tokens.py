"""Texts to the ids of an exported model, with the tokenizers library alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from sinkd_plugin.errors import ModelReferenceError

Item: TypeAlias = "str | tuple[str, str]"

UNBOUNDED = 1 << 20
"""Tokenizers without a maximum say 1e30; no position table is this long."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """A tokenizer that cuts to the model's maximum, and pads a batch to its longest text.

    Args:
        tokenizer: The tokenizer; it does not pad by itself.
        pad_id: Id of the padding token.
    """

    tokenizer: Tokenizer
    pad_id: int

    def encode(self, items: Sequence[Item]) -> list[Encoding]:
        """Encode texts or pairs, with special tokens."""
        encodings: list[Encoding] = self.tokenizer.encode_batch(list(items))
        return encodings

    def padded(self, encodings: Sequence[Encoding]) -> dict[str, NDArray[np.int64]]:
        """The inputs ``(batch, length)`` of a classifier, padded on the right."""
        shape = (len(encodings), max(len(encoding.ids) for encoding in encodings))
        inputs = {
            "input_ids": np.full(shape, self.pad_id, dtype=np.int64),
            "attention_mask": np.zeros(shape, dtype=np.int64),
            "token_type_ids": np.zeros(shape, dtype=np.int64),
        }
        for row, encoding in enumerate(encodings):
            length = len(encoding.ids)
            inputs["input_ids"][row, :length] = encoding.ids
            inputs["attention_mask"][row, :length] = 1
            inputs["token_type_ids"][row, :length] = encoding.type_ids
        return inputs


def open_tokens(folder: Path) -> Tokens:
    """Load ``tokenizer.json`` with the limits of ``tokenizer_config.json`` and ``config.json``.

    Raises:
        ModelReferenceError: If one of them is damaged.
    """
    settings, config = read_settings(folder / "tokenizer_config.json"), read_settings(folder / "config.json")
    path = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the tokenizers library raises bare Exception
        raise _damaged(path, error) from error
    # a tokenizer.json may carry the padding and the cut of somebody's training run
    tokenizer.no_padding()
    tokenizer.enable_truncation(_max_length(config, settings))
    return Tokens(tokenizer=tokenizer, pad_id=tokenizer.token_to_id(_pad_token(settings)) or 0)


def read_settings(path: Path) -> Mapping[str, Any]:
    """Read a JSON object of an exported folder.

    Raises:
        ModelReferenceError: If it is no JSON object.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    if not isinstance(data, dict):
        raise _damaged(path, TypeError("no JSON object"))
    return data


def _damaged(path: Path, error: Exception) -> ModelReferenceError:
    return ModelReferenceError(
        f"'{path}' must be readable.", received=str(error).splitlines()[0], cure="Export the model again."
    )


def _max_length(config: Mapping[str, Any], settings: Mapping[str, Any]) -> int:
    limits = (settings.get("model_max_length"), config.get("max_position_embeddings"), UNBOUNDED)
    return int(min(limit for limit in limits if limit is not None))


def _pad_token(settings: Mapping[str, Any]) -> str:
    token = settings.get("pad_token") or ""
    return str(token["content"] if isinstance(token, Mapping) else token)
