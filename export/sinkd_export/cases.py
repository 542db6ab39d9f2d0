"""What an export is tried on: real sentences, and shapes at the edge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sinkd_export.sentences import Text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Inputs: TypeAlias = "dict[str, NDArray[np.int64]]"

BATCH = 32
LONGEST_TRIED = 1024
"""Longest edge case in tokens; beyond it a check costs more than it shows."""


def tokenised(tokenizer: PreTrainedTokenizerBase, texts: Sequence[Text], max_length: int) -> Inputs:
    """Inputs ``(batch, length)`` of texts or pairs, padded on the right to the longest and cut to ``max_length``."""
    firsts = [text if isinstance(text, str) else text[0] for text in texts]
    seconds = None if isinstance(texts[0], str) else [text[1] for text in texts]
    encoded = tokenizer(
        firsts, seconds, padding=True, truncation=True, max_length=max_length, padding_side="right", return_tensors="np"
    )
    return {name: np.asarray(values, dtype=np.int64) for name, values in encoded.items()}


def batches_by_length(texts: Sequence[Text]) -> Iterator[Sequence[Text]]:
    """Batches of the texts in the order of their length, so that little is padding."""
    ordered = sorted(texts, key=lambda text: len(text) if isinstance(text, str) else len(text[0]) + len(text[1]))
    for start in range(0, len(ordered), BATCH):
        yield ordered[start : start + BATCH]


def edge_cases(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[Text], max_length: int
) -> Iterator[tuple[str, Inputs]]:
    """Named inputs at the edges of what the model takes: shortest, longest, ragged, nearly all padding."""
    seven = [texts[index % len(texts)] for index in range(7)]
    ragged = tokenised(tokenizer, seven, max_length)
    yield "one sentence, alone", tokenised(tokenizer, texts[:1], max_length)
    yield "seven sentences, ragged", ragged
    yield "one token, batch 1", _first(ragged, rows=1, length=1)
    yield "one token, batch 7", _first(ragged, rows=7, length=1)
    yield "all padding but one token", _mostly_padding(ragged, int(tokenizer.pad_token_id or 0))
    longest = min(max_length, LONGEST_TRIED)
    yield f"longest ({longest} tokens)", _repeated(ragged, longest)


def _first(inputs: Inputs, *, rows: int, length: int) -> Inputs:
    return {name: values[:rows, :length].copy() for name, values in inputs.items()}


def _mostly_padding(inputs: Inputs, pad_id: int) -> Inputs:
    padding = {"input_ids": pad_id}
    result = {name: np.full_like(values, padding.get(name, 0)) for name, values in inputs.items()}
    for name, values in inputs.items():
        result[name][:, 0] = values[:, 0]
    return result


def _repeated(inputs: Inputs, length: int) -> Inputs:
    """One row of exactly ``length`` tokens, made of all tokens of the batch again and again."""
    kept = inputs["attention_mask"].astype(bool)
    return {name: np.resize(values[kept], (1, length)) for name, values in inputs.items()}
