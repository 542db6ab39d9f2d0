"""What a label is called, which number it has, and whether a column holds labels at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sinkd_plugin.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def label_number(value: Any, labels: Sequence[str]) -> int | None:
    """The number of a label, given as a name out of ``labels`` or as the number itself; ``None`` if it is neither.

    Names win: with ``labels: ["1", "2"]`` a 1 in the file is the first label.
    """
    name = label_name(value) or ""
    for candidate in (str(value).strip(), name):
        if candidate in labels:
            return list(labels).index(candidate)
    if name.isdecimal() and int(name) < len(labels) and not any(map(is_number, labels)):
        return int(name)
    return None


def label_name(value: Any) -> str | None:
    """What a label is called: whole numbers lose their decimal point; ``None`` if it can be no label."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    if not isinstance(value, str) or not value.strip():
        return None
    text = value.strip()
    return text.removesuffix(".0") if is_number(text.removesuffix(".0")) else text


def is_number(name: str) -> bool:
    """Whether a label is called by a whole number."""
    return name.removeprefix("-").isdecimal()


def declared_names(table: Dataset, column: str) -> Sequence[str]:
    """The names that a table itself declares for the numbers of a column; none for most."""
    return getattr(table.features.get(column), "names", None) or ()


def names_in(values: Sequence[Any], where: str, column: str) -> list[str]:
    """The label names in a training file: its sorted values, numbers by size.

    Args:
        values: The label column.
        where: Path of the column's key in the configuration, for messages.
        column: Its name.

    Raises:
        DataError: If they are measurements, or texts, rather than classes.
    """
    names = {name for value in values if (name := label_name(value)) is not None}
    measured = sorted(name for name in names if _is_decimal(name))
    if measured:
        raise DataError(
            f"'{where}' must hold classes, and numbers with decimals are measurements.",
            received=f"'{measured[0]}' in the column '{column}'",
            cure="Set task.kind to regression to learn the number, or name the classes under task.labels.",
        )
    if len(names) > max(2, len(values) // 2):
        raise DataError(
            f"'{where}' must hold classes, each of them in several rows.",
            received=f"{len(names)} different values in {len(values)} rows of the column '{column}'",
            cure="Name the column of the labels; if the text itself is to be written, name it as task.target; "
            "if these are classes after all, list them under task.labels.",
        )
    return sorted(names, key=lambda name: (_size(name), name))


def _is_decimal(name: str) -> bool:
    return _NUMBER.fullmatch(name) is not None and not is_number(name)


def _size(name: str) -> float:
    return float(name) if _NUMBER.fullmatch(name) else float("inf")
