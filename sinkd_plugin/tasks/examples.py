"""Turn the columns of a table into texts and answers, and say which row does not hold to the rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sinkd_plugin.errors import DataError
from sinkd_plugin.tasks.kinds import ANSWER_OF, Kind
from sinkd_plugin.tasks.label_names import declared_names, is_number, label_number

if TYPE_CHECKING:
    from datasets import Dataset

SHOWN = 20
"""How many label names a message lists."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Where a table keeps what a task needs, and what messages call it.

    Args:
        text: Name of each text column in the loaded split, and in the table.
        answer: Name of the column in the table that holds what is to be found.
        source: The file or data set, for messages.
        text_key: Path of the text columns' key in the configuration.
        answer_key: Path of the answer column's key.
        may_be_empty: Whether some of an example's texts may be empty, if not all are.
    """

    text: Mapping[str, str]
    answer: str
    source: str
    text_key: str = "task.text"
    answer_key: str = "task.label"
    may_be_empty: bool = False


def labelled_examples(
    table: Dataset, columns: Columns, labels: Sequence[str], kind: Kind = "classification"
) -> Dataset:
    """The examples of a table: its text columns as strings, and the answer.

    Args:
        table: The table.
        columns: Where it keeps what.
        labels: Label names in the order of their numbers.
        kind: The answer is ``label``, a number below ``len(labels)``, for classification; ``label``, a finite number,
            for regression; ``target``, a text, for generation.

    Raises:
        DataError: If a column is missing, a text is missing or empty, or an answer is none.
    """
    from datasets import Dataset

    texts = {name: _texts(table, column, columns) for name, column in columns.text.items()}
    if columns.may_be_empty:
        _check_not_all_empty(texts, columns)
    answers = _ANSWERS[kind](table, columns, labels)
    return Dataset.from_dict({**texts, ANSWER_OF[kind]: answers})


def answer_values(table: Dataset, columns: Columns) -> list[Any]:
    """The answer column as it stands in the table.

    Raises:
        DataError: If there is no such column.
    """
    return _column(table, columns.answer, columns.answer_key, columns.source)


def has_labels(table: Dataset, columns: Columns, labels: Sequence[str], kind: Kind) -> bool:
    """Whether any row has an answer; public test files have no such column, or -1 in it."""
    if columns.answer not in table.column_names:
        return False
    values = answer_values(table, columns)
    if kind == "classification":
        return any(label_number(value, labels) is not None for value in values)
    return any(value not in (None, "", -1, -1.0, "-1") for value in values)


def without_gaps(table: Dataset, columns: Columns) -> Dataset:
    """The rows that have an answer and a value in each text column, be it an empty one."""
    values = zip(*(table[name][:] for name in (*columns.text.values(), columns.answer)), strict=True)
    kept = [row for row, cells in enumerate(values) if None not in cells and cells[-1] != ""]
    return table if len(kept) == len(table) else table.select(kept)


def _classes(table: Dataset, columns: Columns, labels: Sequence[str]) -> list[int]:
    names = declared_names(table, columns.answer)
    by_name = names if set(names) <= set(labels) else ()
    numbers = []
    for row, value in enumerate(answer_values(table, columns)):
        number = label_number(by_name[value] if by_name and _is_position(value, by_name) else value, labels)
        if number is None:
            raise _bad_answer(
                columns, f"each label must be {_choices(labels)}", value, row, "or name all labels under `labels`"
            )
        numbers.append(number)
    return numbers


def _is_position(value: Any, names: Sequence[str]) -> bool:
    return isinstance(value, int) and 0 <= value < len(names)


def _quantities(table: Dataset, columns: Columns, _: Sequence[str]) -> list[float]:
    numbers = []
    for row, value in enumerate(answer_values(table, columns)):
        number = _quantity(value)
        if number is None:
            raise _bad_answer(columns, "each label of a regression must be a finite number", value, row)
        numbers.append(number)
    return numbers


def _quantity(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _targets(table: Dataset, columns: Columns, _: Sequence[str]) -> list[str]:
    values = answer_values(table, columns)
    for row, value in enumerate(values):
        if not isinstance(value, str) or not value.strip():
            raise _bad_answer(columns, "each text to be written must be a string that is not empty", value, row)
    return values


_ANSWERS: dict[Kind, Callable[[Any, Columns, Sequence[str]], list[Any]]] = {
    "classification": _classes,
    "regression": _quantities,
    "generation": _targets,
}


def _bad_answer(columns: Columns, rule: str, value: Any, row: int, otherwise: str = "or remove it") -> DataError:
    return DataError(
        f"'{columns.answer_key}': {rule}.",
        received=f"{value!r} in row {row + 1} of '{columns.source}', column '{columns.answer}'",
        cure=f"Correct the row, {otherwise}.",
    )


def _choices(labels: Sequence[str]) -> str:
    names = [*labels[:SHOWN], "…"] if len(labels) > SHOWN else labels
    numbers = "" if any(map(is_number, labels)) else f", or a number from 0 to {len(labels) - 1}"
    return f"one of {', '.join(names)}{numbers}"


def _texts(table: Dataset, column: str, columns: Columns) -> list[str]:
    values = _column(table, column, columns.text_key, columns.source)
    for row, value in enumerate(values):
        if not isinstance(value, str) or not (value.strip() or columns.may_be_empty):
            raise _bad_text(columns, value, row, column)
    return values


def _check_not_all_empty(texts: Mapping[str, list[str]], columns: Columns) -> None:
    for row, found in enumerate(zip(*texts.values(), strict=True)):
        if not any(text.strip() for text in found):
            raise _bad_text(columns, found[0], row, next(iter(columns.text.values())))


def _bad_text(columns: Columns, value: Any, row: int, column: str) -> DataError:
    return DataError(
        f"'{columns.text_key}': each text must be a string that is not empty.",
        received=f"{value!r} in row {row + 1} of '{columns.source}', column '{column}'",
        cure="Remove the row, or give it a text.",
    )


def _column(table: Dataset, column: str, key: str, source: str) -> list[Any]:
    if column not in table.column_names:
        raise DataError(
            f"'{key}' must name a column of '{source}'.",
            received=f"'{column}'",
            cure=f"Its columns: {', '.join(table.column_names)}.",
        )
    return list(table[column][:])
