"""Texts to the ids of an exported model, with the tokenizers library alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from sinkd_export.settings import bad_setting, read_length, read_settings, unreadable
from sinkd_export.whole_numbers import at_least_one
from sinkd_plugin.errors import UserError

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
        added: How many of them are special tokens that the tokenizer added.
    """

    ids: Sequence[int]
    type_ids: Sequence[int]
    length: int
    added: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing of what was given is left to read, as of a text of invisible characters."""
        return self.length <= self.added

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
            self._encoded(item, encoding if len(encoding.ids) <= self.max_length else self._cut(item), encoding)
            for item, encoding in zip(items, self.whole.encode_batch_fast(list(items)), strict=True)
        ]

    def _encoded(self, item: Item, kept: Encoding, before: Encoding) -> Encoded:
        added = self.whole.num_special_tokens_to_add(is_pair=not isinstance(item, str))
        return Encoded(ids=kept.ids, type_ids=kept.type_ids, length=len(before.ids), added=added)

    def _cut(self, item: Item) -> Encoding:
        """Cut twice, because the tokenizer keeps all that it cuts off: for pairs, every combination of the parts."""
        if isinstance(item, str):
            return self.cutting.encode(self._beginning(item))
        return self.cutting.encode(*(self._beginning(text) for text in item))

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


def open_tokens(folder: Path, *, max_length: int | None = None, as_trained: bool = False) -> Tokens:
    """Load ``tokenizer.json`` with the limits of ``tokenizer_config.json`` and ``config.json``.

    Args:
        folder: An exported folder.
        max_length: Cut to this many tokens; by default, to as many as the model takes.
        as_trained: By default, cut to as many as in training, where ``sinkd.json`` tells and the model takes them.

    Raises:
        ModelReferenceError: If one of them is damaged.
        UserError: If ``max_length`` is no whole number, or the model cannot take so many tokens.
    """
    whole, cutting = _open(folder / "tokenizer.json"), _open(folder / "tokenizer.json")
    smallest = whole.num_special_tokens_to_add(is_pair=True) + 1
    limit = _limit(folder, smallest)
    if max_length is not None:
        length = _checked(max_length, smallest, limit)
    else:
        length = _trained_length(folder, smallest, limit) if as_trained else limit
    cutting.enable_truncation(length)
    pad_id = whole.token_to_id(_pad_token(folder / "tokenizer_config.json")) or 0
    return Tokens(whole=whole, cutting=cutting, pad_id=pad_id, max_length=length)


def _open(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the tokenizers library raises bare Exception
        raise unreadable(path, error) from error
    # a tokenizer.json may carry the padding and the cut of somebody's training run
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _limit(folder: Path, smallest: int) -> int:
    named = {"tokenizer_config.json": "model_max_length", "config.json": "max_position_embeddings"}
    limits = (read_length(folder / file, name, least=smallest) for file, name in named.items())
    return min([UNBOUNDED, *(limit for limit in limits if limit is not None)])


def _trained_length(folder: Path, smallest: int, limit: int) -> int:
    record = folder / "sinkd.json"
    length = read_length(record, "max_length", least=smallest) if record.is_file() else None
    return min(length or limit, limit)


def _checked(max_length: int, smallest: int, limit: int) -> int:
    length = at_least_one("max_length", max_length)
    if not smallest <= length <= limit:
        raise UserError(f"max_length must lie between {smallest} and {limit}, the model's own.", received=length)
    return length


def _pad_token(path: Path) -> str:
    token = read_settings(path).get("pad_token") or ""
    text = token.get("content") if isinstance(token, Mapping) else token
    if not isinstance(text, str):
        raise bad_setting(path, "hold a text in pad_token, or an object with a text in content", token)
    return text
