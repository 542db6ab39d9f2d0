"""What may be given to a student: a text or a pair of texts, each of them something to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from sinkd_export.tokens import Item
from sinkd_plugin.errors import DataError

Text: TypeAlias = "str | tuple[str, str] | list[str]"


def checked(texts: Iterable[object]) -> Iterator[Item]:
    """The texts, each checked as it is taken.

    Raises:
        DataError: If ``texts`` is a bare text or nothing to go through, or one of them is None, empty, not text, or
            half of a surrogate pair.
    """
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise DataError("predict takes a list of texts.", received=repr(texts), cure="Put the text into a list.")
    return (_checked_item(index, item) for index, item in enumerate(texts))


def _checked_item(index: int, item: object) -> Item:
    if isinstance(item, (tuple, list)) and len(item) == 2:
        return _checked_text(index, item[0]), _checked_text(index, item[1])
    return _checked_text(index, item)


def _checked_text(index: int, text: object) -> str:
    if not isinstance(text, str):
        raise _bad_text("Each item must be a text or a pair of texts.", type(text).__name__, index)
    if not text.strip():
        raise _bad_text("A text must not be empty.", repr(text[:20]), index)
    if not _is_unicode(text):
        raise DataError(
            "A text must be valid Unicode.",
            received=f"half a surrogate pair at position {index}",
            cure="Read it with the right encoding.",
        )
    return text


def _bad_text(rule: str, found: str, index: int) -> DataError:
    return DataError(rule, received=f"{found} at position {index}", cure="Drop it or replace it by a text.")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
