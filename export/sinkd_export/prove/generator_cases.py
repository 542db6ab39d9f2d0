"""What an export that generates is tried on: fixed continuations, with and without its cache, and free writing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinkd_export.language_model import LanguageModel
from sinkd_export.prove.cases import Inputs, batches_by_length, case_of, cycled, edge_cases, repeated, tokenised
from sinkd_export.prove.comparison import Case
from sinkd_export.source import Source
from sinkd_export.trial import Text

SENTENCES = 24
"""Most sentences: each gives a row of the whole vocabulary for every token."""

LONGEST_TRIED = 512
SHORT = 8
"""Tokens of a text where there are many texts, of a continuation, and of what is written freely."""

BATCH = 8


def generator_cases(source: Source, texts: Sequence[Text], expected: LanguageModel) -> list[Case]:
    """Cases of a generative model: a model is a ``LanguageModel``.

    Args:
        source: The model.
        texts: Real sentences.
        expected: It in PyTorch.

    Raises:
        ModelReferenceError: If PyTorch cannot run the model.
    """
    named = (*_whole(source, texts[:SENTENCES]), *_cached(source, texts), *_written(source, texts))
    return [case_of(source, expected, name, compute) for name, compute in named]


Named = tuple[str, Callable[[LanguageModel], NDArray[Any]]]


def _whole(source: Source, texts: Sequence[Text]) -> Iterator[Named]:
    longest = min(source.max_length, LONGEST_TRIED)
    for batch in batches_by_length(texts, BATCH):
        yield "real sentences", _in_one_call(source, tokenised(source.tokenizer, batch, longest))
    for name, inputs in edge_cases(source.tokenizer, cycled(texts, 7), longest):
        yield name, _in_one_call(source, _shortened(inputs) if len(inputs["input_ids"]) > BATCH else inputs)


def _cached(source: Source, texts: Sequence[Text]) -> Iterator[Named]:
    ragged = tokenised(source.tokenizer, cycled(texts, 7), min(source.max_length, LONGEST_TRIED))
    yield "token by token from the cache, 1 row", _token_by_token(source, repeated(ragged, SHORT * 2))
    yield "token by token from the cache, 7 rows", _token_by_token(source, _full_rows(ragged, SHORT * 2))


def _written(source: Source, texts: Sequence[Text]) -> Iterator[Named]:
    room = min(source.max_length, LONGEST_TRIED) - SHORT
    side = "right" if source.family == "encoder_decoder" else "left"
    inputs = tokenised(source.tokenizer, cycled(texts, 7), room, padding_side=side)
    yield "written greedily", lambda model: model.generate(inputs, SHORT)


def _in_one_call(source: Source, inputs: Inputs) -> Callable[[LanguageModel], NDArray[Any]]:
    return lambda model: model.logits(inputs, _continuation(source, inputs))


def _token_by_token(source: Source, inputs: Inputs) -> Callable[[LanguageModel], NDArray[Any]]:
    return lambda model: model.cached_logits(inputs, _continuation(source, inputs))


def _shortened(inputs: Inputs) -> Inputs:
    return {name: values[:, :SHORT] for name, values in inputs.items()}


def _full_rows(inputs: Inputs, length: int) -> Inputs:
    """As many rows of exactly ``length`` tokens, each made of the tokens of one text."""
    rows = [
        {name: np.resize(values[row][mask], length) for name, values in inputs.items()}
        for row, mask in enumerate(inputs["attention_mask"].astype(bool))
    ]
    return {name: np.stack([row[name] for row in rows]) for name in inputs}


def _continuation(source: Source, inputs: Inputs) -> NDArray[np.int64]:
    """The start token and the first tokens of each text, as if the decoder had copied them."""
    ids = inputs["input_ids"]
    start = source.config.decoder_start_token_id if source.family == "encoder_decoder" else 0
    return np.concatenate([np.full((len(ids), 1), start, dtype=np.int64), ids[:, : SHORT - 1]], axis=1)
