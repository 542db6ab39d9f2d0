"""The body of ``/predict``, checked by hand: each message names the text and the rule."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sinkd_export.serve.options import ServeOptions
from sinkd_export.serve.refusal import RefusalError
from sinkd_export.texts import checked
from sinkd_export.tokens import Item
from sinkd_plugin.errors import DataError, nearest

KEYS = ("texts", "truncation")


@dataclass(frozen=True, kw_only=True)
class Question:
    """Texts or pairs to label, and whether long ones may be cut."""

    items: Sequence[Item]
    truncation: bool


def read_question(body: bytes, options: ServeOptions) -> Question:
    """Read ``{"texts": ["…", ["…", "…"]], "truncation": true}``.

    Raises:
        RefusalError: 400 for what is no JSON, 413 for too many or too long texts, 422 for what is no text.
    """
    data = _json(body)
    if not isinstance(data, dict):
        raise _no_texts()
    _check_keys(data)
    texts, truncation = data.get("texts"), data.get("truncation", True)
    if not isinstance(texts, list) or not texts:
        raise _no_texts()
    if not isinstance(truncation, bool):
        raise RefusalError(422, "bad_option", "'truncation' must be true or false.")
    if len(texts) > options.max_texts:
        found = f"{len(texts)} in one request"
        raise RefusalError(413, "too_many_texts", f"At most {options.max_texts} texts are taken, not {found}.")
    return Question(items=_items(texts, options.max_characters), truncation=truncation)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusalError(400, "bad_json", f"The body must be JSON in UTF-8: {error}.") from None


def _no_texts() -> RefusalError:
    return RefusalError(422, "no_texts", 'The body must be an object with a list of texts: {"texts": ["…"]}.')


def _check_keys(data: dict[str, Any]) -> None:
    for key in data:
        if key not in KEYS:
            guess = nearest(key, KEYS)
            hint = f" Did you mean '{guess}'?" if guess else ""
            raise RefusalError(422, "bad_option", f"Unknown key '{key}'.{hint} Known: {', '.join(KEYS)}.")


def _items(texts: list[Any], most: int) -> list[Item]:
    try:
        items = list(checked(texts))
    except DataError as error:
        raise RefusalError(422, "bad_text", str(error)) from None
    for position, item in enumerate(items):
        length = len(item) if isinstance(item, str) else sum(map(len, item))
        if length > most:
            message = f"A text has at most {most} characters, not {length} as at position {position}."
            raise RefusalError(413, "text_too_long", message)
    return items
