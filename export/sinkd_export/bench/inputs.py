"""Token ids to time on: real sentences, joined and cut, so that every row is full."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sinkd_export.bench.options import Shape
from sinkd_export.model_folder import load_config, load_tokenizer, position_limit
from sinkd_export.own_sentences import OWN_SENTENCES
from sinkd_plugin.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Inputs: TypeAlias = "dict[str, NDArray[np.int64]]"

DESCRIPTION = "sentences shipped with sinkd, tokenised by the first model, joined and cut: no row is padded"


def inputs_for(models: Sequence[Path], shape: Shape, extra: int = 0) -> Inputs:
    """The same inputs for all models.

    Args:
        models: Folders with configurations; the first one's tokenizer is used.
        shape: The batch.
        extra: Tokens that a model with one position table writes behind them.

    Raises:
        UserError: If a model cannot take that many tokens, or does not know one of them.
    """
    tokenizer = load_tokenizer(models[0], load_config(models[0]))
    ids = _rows(tokenizer, shape)
    for model in models:
        _check(model, ids, shape, extra)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


def _rows(tokenizer: PreTrainedTokenizerBase, shape: Shape) -> NDArray[np.int64]:
    encoded = [tokenizer(sentence, truncation=True)["input_ids"] for sentence in OWN_SENTENCES]
    rows = [np.concatenate(np.roll(np.asarray(encoded, dtype=object), -row)) for row in range(shape.batch)]
    return np.stack([np.resize(row, shape.length).astype(np.int64) for row in rows])


def _check(model: Path, ids: NDArray[np.int64], shape: Shape, extra: int) -> None:
    config = load_config(model)
    limit = position_limit(config)
    if shape.length + extra > limit:
        written = f" and {extra} to write" if extra else ""
        raise UserError(
            "Every model must have positions for the longest shape.",
            received=f"{shape}{written}, and '{model.name}' takes {limit} tokens",
            cure=f"Choose a shorter --shape{' or fewer --new-tokens' if extra else ''}.",
        )
    if int(ids.max()) >= config.vocab_size:
        raise UserError(
            "Models that are timed together must share their token ids.",
            received=f"id {ids.max()}, and '{model.name}' knows {config.vocab_size}",
            cure="Time models of one vocabulary.",
        )
