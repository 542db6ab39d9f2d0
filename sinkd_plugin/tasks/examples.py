"""Turn the columns of a table into texts and integer labels, and say which row does not hold to the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sinkd_plugin.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset

SHOWN = 20
"""How many label names a message lists."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Where a table keeps what a task needs, and what messages call it.

    Args:
        text: Name of each text column in the loaded split, and in the table.
        label: Name of the label column in the table.
        source: The file or data set, for messages.
        text_key: Path of the text columns' key in the configuration.
        label_key: Path of the label column's key.
    """

    text: Mapping[str, str]
    label: str
    source: str
    text_key: str = "task.text"
    label_key: str = "task.label"


def labelled_examples(table: Dataset, columns: Columns, labels: Sequence[str]) -> Dataset:
    """The examples of a table: its text columns as strings, and ``label`` as a number below ``len(labels)``.

    Raises:
        DataError: If a column is missing, a text is missing or empty, or a label is none of ``labels``.
    """
    from datasets import Dataset

    texts = {name: _texts(table, column, columns) for name, column in columns.text.items()}
    return Dataset.from_dict({**texts, "label": _numbers(label_values(table, columns), labels, columns)})


def label_values(table: Dataset, columns: Columns) -> list[Any]:
    """The label column as it stands in the table.

    Raises:
        DataError: If there is no such column.
    """
    return _column(table, columns.label, columns.label_key, columns.source)


def label_number(value: Any, labels: Sequence[str]) -> int | None:
    """The number of a label, given as a name out of ``labels`` or as the number itself; ``None`` if it is neither.

    Names win: with ``labels: ["1", "2"]`` a 1 in the file is the first label.
    """
    name = label_name(value) or ""
    for candidate in (str(value).strip(), name):
        if candidate in labels:
            return list(labels).index(candidate)
    if name.isdecimal() and int(name) < len(labels) and not any(map(_is_number, labels)):
        return int(name)
    return None


def label_name(value: Any) -> str | None:
    """What a label is called: whole numbers lose their decimal point; ``None`` if it can be no label."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else None
    if not isinstance(value, str) or not value.strip():
        return None
    text = value.strip()
    return text.removesuffix(".0") if _is_number(text.removesuffix(".0")) else text


def _choices(labels: Sequence[str]) -> str:
    names = [*labels[:SHOWN], "…"] if len(labels) > SHOWN else labels
    numbers = "" if any(map(_is_number, labels)) else f", or a number from 0 to {len(labels) - 1}"
    return f"one of {', '.join(names)}{numbers}"


def _is_number(name: str) -> bool:
    return name.removeprefix("-").isdecimal()


def _numbers(values: Sequence[Any], labels: Sequence[str], columns: Columns) -> list[int]:
    numbers = []
    for row, value in enumerate(values):
        number = label_number(value, labels)
        if number is None:
            raise DataError(
                f"'{columns.label_key}': each label must be {_choices(labels)}.",
                received=f"{value!r} in row {row + 1} of '{columns.source}', column '{columns.label}'",
                cure="Correct the row, or name all labels under `labels`.",
            )
        numbers.append(number)
    return numbers


def _texts(table: Dataset, column: str, columns: Columns) -> list[str]:
    values = _column(table, column, columns.text_key, columns.source)
    for row, value in enumerate(values):
        if not isinstance(value, str) or not value.strip():
            raise DataError(
                f"'{columns.text_key}': each text must be a string that is not empty.",
                received=f"{value!r} in row {row + 1} of '{columns.source}', column '{column}'",
                cure="Remove the row, or give it a text.",
            )
    return values


def _column(table: Dataset, column: str, key: str, source: str) -> list[Any]:
    if column not in table.column_names:
        raise DataError(
            f"'{key}' must name a column of '{source}'.",
            received=f"'{column}'",
            cure=f"Its columns: {', '.join(table.column_names)}.",
        )
    return list(table[column][:])
