"""Prompts in tokens: what is too long loses the end of a text, never the question behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from datasets import Dataset

from sinkd_plugin.errors import ConfigError

Encode = Callable[[Sequence[str]], list[list[int]]]
Ask = Callable[[Mapping[str, str]], str]


def prompts(split: Dataset, text: Sequence[str], ask: Ask, encode: Encode, limit: int) -> list[list[int]]:
    """The prompt of each example in at most ``limit`` tokens.

    Args:
        split: Columns ``text``.
        text: Names of the text columns.
        ask: Writes an example's texts into a prompt.
        encode: Prompts to tokens.
        limit: Most tokens of a prompt.

    Raises:
        ConfigError: If the prompt leaves no room for a text.
    """
    examples = list(_examples(split, text))
    encoded = encode([ask(example) for example in examples])
    return [
        ids if len(ids) <= limit else _fitted(example, ask, encode, limit)
        for example, ids in zip(examples, encoded, strict=True)
    ]


def _examples(split: Dataset, text: Sequence[str]) -> Iterator[dict[str, str]]:
    for values in zip(*(split[column][:] for column in text), strict=True):
        yield dict(zip(text, values, strict=True))


def _fitted(example: Mapping[str, str], ask: Ask, encode: Encode, limit: int) -> list[int]:
    """Cut the longest text until the prompt fits."""
    texts = dict(example)
    while len(ids := encode([ask(texts)])[0]) > limit:
        column = max(texts, key=lambda name: len(texts[name]))
        length = len(texts[column])
        if length == 0:
            raise ConfigError(
                "'data.max_length' must leave room for the prompt.",
                received=f"{limit} tokens, for a prompt that takes {len(ids)} without any text",
                cure="Raise data.max_length, or shorten prompt.template.",
            )
        texts[column] = _cut(texts[column], min(length - 1, length * limit // len(ids)))
    return ids


def _cut(text: str, length: int) -> str:
    """At most so many characters, of whole words if there are several."""
    words = text[:length].rsplit(maxsplit=1)
    return words[0] if len(words) > 1 and not text[length].isspace() else text[:length].rstrip()
