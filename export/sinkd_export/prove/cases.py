"""What an export is tried on: real sentences, and shapes at the edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sinkd_export.prove.comparison import Case
from sinkd_export.source import Source
from sinkd_export.trial import Text
from sinkd_plugin.errors import ModelReferenceError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Inputs: TypeAlias = "dict[str, NDArray[np.int64]]"

BATCH = 32
LONGEST_TRIED = 1024
"""Longest edge case in tokens; beyond it a check costs more than it shows."""


def tokenised(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[Text], max_length: int, *, padding_side: str = "right"
) -> Inputs:
    """Inputs ``(batch, length)`` of texts or pairs, padded to the longest and cut to ``max_length``."""
    firsts = [text if isinstance(text, str) else text[0] for text in texts]
    seconds = None if isinstance(texts[0], str) else [text[1] for text in texts]
    encoded = tokenizer(
        firsts,
        seconds,
        padding=True,
        truncation=True,
        max_length=max_length,
        padding_side=padding_side,
        return_tensors="np",
    )
    return {name: np.asarray(values, dtype=np.int64) for name, values in encoded.items()}


def by_length(texts: Sequence[Text]) -> list[int]:
    """Positions of the texts in the order of their length."""
    sizes = [len(text) if isinstance(text, str) else len(text[0]) + len(text[1]) for text in texts]
    return sorted(range(len(texts)), key=sizes.__getitem__)


def batches_by_length(texts: Sequence[Text], size: int = BATCH) -> Iterator[list[Text]]:
    """Batches of the texts in the order of their length, so that little is padding."""
    ordered = [texts[index] for index in by_length(texts)]
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def classifier_cases(source: Source, texts: Sequence[Text], expected: Any) -> list[Case]:
    """Cases of a classifier: a model is called with a batch and gives logits ``(batch, labels)``.

    Args:
        source: The model.
        texts: Real sentences.
        expected: It in PyTorch.

    Raises:
        ModelReferenceError: If PyTorch cannot run the model, or its logits are no numbers.
    """
    tokenizer, max_length = source.tokenizer, source.max_length
    batches = [("real sentences", tokenised(tokenizer, batch, max_length)) for batch in batches_by_length(texts)]
    edges = edge_cases(tokenizer, texts, max_length)
    return [case_of(source, expected, name, _calling(inputs)) for name, inputs in (*batches, *edges)]


def case_of(source: Source, expected: Any, name: str, compute: Callable[[Any], NDArray[Any]]) -> Case:
    """A case, with what PyTorch makes of it."""
    try:
        logits = compute(expected)
    except (IndexError, RuntimeError, ValueError) as error:
        raise ModelReferenceError(
            "A model must run on its own tokenizer's ids, up to its maximal length.",
            received=f"'{source.reference}': {str(error).splitlines()[0]}",
            cure="Check that vocab_size and max_position_embeddings fit the tokenizer.",
        ) from error
    if not np.isfinite(logits).all():  # nothing could be told from a comparison with them
        raise ModelReferenceError(
            "A model's logits in PyTorch must be finite.",
            received=f"'{source.reference}', where some are not ({name})",
            cure="Its weights are damaged, or its training went astray: train or download it again.",
        )
    return Case(name=name, compute=compute, expected=logits)


def _calling(inputs: Inputs) -> Callable[[Any], NDArray[Any]]:
    return lambda model: model(inputs)


def edge_cases(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[Text], max_length: int
) -> Iterator[tuple[str, Inputs]]:
    """Named inputs at the edges of what the model takes: shortest, longest, ragged, nearly all padding."""
    ragged = tokenised(tokenizer, cycled(texts, 7), max_length)
    yield "one sentence, alone", tokenised(tokenizer, texts[:1], max_length)
    yield "7 sentences, ragged", ragged
    yield "64 sentences, ragged", tokenised(tokenizer, cycled(texts, 64), max_length)
    yield "one token, batch 1", _first(ragged, rows=1, length=1)
    yield "one token, batch 7", _first(ragged, rows=7, length=1)
    yield "all padding but one token", _mostly_padding(ragged, int(tokenizer.pad_token_id or 0))
    longest = min(max_length, LONGEST_TRIED)
    yield f"longest ({longest} tokens)", repeated(ragged, longest)


def cycled(texts: Sequence[Text], count: int) -> list[Text]:
    """Exactly ``count`` of the texts, again and again."""
    return [texts[index % len(texts)] for index in range(count)]


def _first(inputs: Inputs, *, rows: int, length: int) -> Inputs:
    return {name: values[:rows, :length].copy() for name, values in inputs.items()}


def _mostly_padding(inputs: Inputs, pad_id: int) -> Inputs:
    padding = {"input_ids": pad_id}
    result = {name: np.full_like(values, padding.get(name, 0)) for name, values in inputs.items()}
    for name, values in inputs.items():
        result[name][:, 0] = values[:, 0]
    return result


def repeated(inputs: Inputs, length: int) -> Inputs:
    """One row of exactly ``length`` tokens, made of all tokens of the batch again and again."""
    kept = inputs["attention_mask"].astype(bool)
    return {name: np.resize(values[kept], (1, length)) for name, values in inputs.items()}
