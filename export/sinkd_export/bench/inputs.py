"""Token ids to time on: real sentences, joined and cut, so that every row is full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sinkd_export.bench.contestants import Contestant
from sinkd_export.bench.options import Shape
from sinkd_export.own_sentences import OWN_SENTENCES
from sinkd_export.source import load_config, load_tokenizer
from sinkd_plugin.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DESCRIPTION = "sentences shipped with sinkd, tokenised by the first model, joined and cut: no row is padded"


def inputs_for(contestants: Sequence[Contestant], shape: Shape) -> dict[str, NDArray[np.int64]]:
    """The same inputs for all contestants.

    Raises:
        UserError: If a contestant cannot take that many tokens, or does not know one of them.
    """
    first = contestants[0].folder
    tokenizer = load_tokenizer(first, load_config(first))
    ids = _rows(tokenizer, shape)
    for contestant in contestants:
        _check(contestant, ids, shape)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


def _rows(tokenizer: PreTrainedTokenizerBase, shape: Shape) -> NDArray[np.int64]:
    encoded = [tokenizer(sentence, truncation=True)["input_ids"] for sentence in OWN_SENTENCES]
    rows = [np.concatenate(np.roll(np.asarray(encoded, dtype=object), -row)) for row in range(shape.batch)]
    return np.stack([np.resize(row, shape.length).astype(np.int64) for row in rows])


def _check(contestant: Contestant, ids: NDArray[np.int64], shape: Shape) -> None:
    if shape.length > contestant.max_length:
        raise UserError(
            "Every model must have positions for the longest shape.",
            received=f"{shape}, and '{contestant.record.name}' takes {contestant.max_length} tokens",
            cure="Choose a shorter --shape.",
        )
    if int(ids.max()) >= contestant.vocabulary:
        raise UserError(
            "Models that are timed together must share their token ids.",
            received=f"id {ids.max()}, and '{contestant.record.name}' knows {contestant.vocabulary}",
            cure="Time models of one vocabulary.",
        )
