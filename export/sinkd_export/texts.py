"""What may be given to a student: a text or a pair of texts, with something to read in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from sinkd_export.tokens import Item
from sinkd_plugin.errors import DataError

Text: TypeAlias = "str | tuple[str, str] | list[str]"


def checked(texts: Iterable[object]) -> Iterator[Item]:
    """The texts, each checked as it is taken.

    Raises:
        DataError: If ``texts`` is a bare text, a mapping or nothing to go through, or one of them is None, empty, not
            text, or half of a surrogate pair. One half of a pair may be empty, as it may in training.
    """
    if isinstance(texts, (str, bytes, Mapping)) or not isinstance(texts, Iterable):
        raise DataError("predict takes a list of texts.", received=repr(texts), cure="Put the text into a list.")
    return (_checked_item(index, item) for index, item in enumerate(texts))


def _checked_item(index: int, item: object) -> Item:
    if isinstance(item, (tuple, list)) and len(item) == 2:
        first, second = _checked_text(index, item[0]), _checked_text(index, item[1])
        _refuse_empty(index, first, second)
        return first, second
    text = _checked_text(index, item)
    _refuse_empty(index, text)
    return text


def _refuse_empty(index: int, *texts: str) -> None:
    if not any(text.strip() for text in texts):
        raise _bad_text("A text must not be empty.", " and ".join(repr(text[:20]) for text in texts), index)


def _checked_text(index: int, text: object) -> str:
    if not isinstance(text, str):
        raise _bad_text("Each item must be a text or a pair of texts.", type(text).__name__, index)
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
