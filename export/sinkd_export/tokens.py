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

from sinkd_plugin.errors import ModelReferenceError, UserError

Item: TypeAlias = "str | tuple[str, str]"

UNBOUNDED = 1 << 20
"""Tokenizers without a maximum say 1e30; no position table is this long."""

SLACK = 256
"""Tokens kept beyond the maximum where a tokenizer takes a whole text for one word: far more than the last few that
depend on what follows them."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """One text or pair in ids, special tokens included.

    Args:
        ids: Token ids.
        type_ids: 0 for the first text, 1 for the second.
        length: Tokens before it was cut; ``len(ids)`` if it was not.
    """

    ids: Sequence[int]
    type_ids: Sequence[int]
    length: int

    @property
    def is_cut(self) -> bool:
        """Whether the model sees less than was given."""
        return self.length > len(self.ids)


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """A tokenizer that cuts to a maximum, and pads a batch to its longest text.

    Args:
        whole: The tokenizer; it neither pads nor cuts.
        cutting: The same, cutting to ``max_length``.
        pad_id: Id of the padding token.
        max_length: Most tokens of one input, special tokens included.
    """

    whole: Tokenizer
    cutting: Tokenizer
    pad_id: int
    max_length: int

    def encode(self, items: Sequence[Item]) -> list[Encoded]:
        """Encode texts or pairs, with special tokens; of a pair, the longer text is cut first."""
        return [
            _encoded(encoding, encoding) if len(encoding.ids) <= self.max_length else self._cut(item, encoding)
            for item, encoding in zip(items, self.whole.encode_batch_fast(list(items)), strict=True)
        ]

    def _cut(self, item: Item, encoding: Encoding) -> Encoded:
        """Cut twice, because the tokenizer keeps all that it cuts off: for pairs, every combination of the parts."""
        if isinstance(item, str):
            return _encoded(self.cutting.encode(self._beginning(item)), encoding)
        return _encoded(self.cutting.encode(*(self._beginning(text) for text in item)), encoding)

    def _beginning(self, text: str) -> str:
        """The words of a text that hold its first ``max_length`` tokens."""
        tokens = self.whole.encode(text, add_special_tokens=False)
        if len(tokens.ids) <= self.max_length:
            return text
        last = min(self.max_length + SLACK, len(tokens.ids) - 1)
        word = tokens.token_to_word(self.max_length)
        ends = [tokens.token_to_chars(last)[1], *([] if word is None else [tokens.word_to_chars(word)[1]])]
        return text[: min(ends)]

    def count(self, text: str) -> int:
        """Tokens of a text before it is cut, special tokens included."""
        return len(self.whole.encode(text).ids)

    def padded(self, encodings: Sequence[Encoded]) -> dict[str, NDArray[np.int64]]:
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


def _encoded(encoding: Encoding, before: Encoding) -> Encoded:
    return Encoded(ids=encoding.ids, type_ids=encoding.type_ids, length=len(before.ids))


def open_tokens(folder: Path, *, max_length: int | None = None, trained_length: int | None = None) -> Tokens:
    """Load ``tokenizer.json`` with the limits of ``tokenizer_config.json`` and ``config.json``.

    Args:
        folder: An exported folder.
        max_length: Cut to this many tokens.
        trained_length: What ``max_length`` is by default, where the model takes as many; else as many as it takes.

    Raises:
        ModelReferenceError: If one of them is damaged.
        UserError: If the model cannot take ``max_length`` tokens.
    """
    settings, config = read_settings(folder / "tokenizer_config.json"), read_settings(folder / "config.json")
    whole, cutting = _open(folder / "tokenizer.json"), _open(folder / "tokenizer.json")
    limit = _limit(config, settings)
    smallest = whole.num_special_tokens_to_add(is_pair=True) + 1
    length = min(trained_length or limit, limit) if max_length is None else _checked(max_length, smallest, limit)
    cutting.enable_truncation(length)
    pad_id = whole.token_to_id(_pad_token(settings)) or 0
    return Tokens(whole=whole, cutting=cutting, pad_id=pad_id, max_length=length)


def _open(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the tokenizers library raises bare Exception
        raise _damaged(path, error) from error
    # a tokenizer.json may carry the padding and the cut of somebody's training run
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


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


def _limit(config: Mapping[str, Any], settings: Mapping[str, Any]) -> int:
    limits = (settings.get("model_max_length"), config.get("max_position_embeddings"), UNBOUNDED)
    return int(min(limit for limit in limits if limit is not None))


def _checked(max_length: int, smallest: int, limit: int) -> int:
    if not smallest <= max_length <= limit:
        raise UserError(f"max_length must lie between {smallest} and {limit}, the model's own.", received=max_length)
    return max_length


def _pad_token(settings: Mapping[str, Any]) -> str:
    token = settings.get("pad_token") or ""
    return str(token["content"] if isinstance(token, Mapping) else token)
