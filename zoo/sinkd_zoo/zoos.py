"""Several zoos as one: as in ``PATH``, the first that has a name wins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from sinkd_plugin.console import note
from sinkd_plugin.errors import SinkdError
from sinkd_zoo.index import Student

Place = TypeVar("Place")


def students_of(places: Sequence[Place], read: Callable[[Place], Sequence[Student]]) -> list[Student]:
    """The students of all zoos; one that cannot be read does not hide the others, and is told of.

    Args:
        places: Where they lie.
        read: Reads one.

    Raises:
        SinkdError: If none of them can be read: the error of the first.
    """
    zoos: list[Sequence[Student]] = []
    failures: list[SinkdError] = []
    for place in places:
        try:
            zoos.append(read(place))
        except SinkdError as error:
            failures.append(error)
    if failures and not zoos:
        raise failures[0]
    for failure in failures:
        note(f"Skipped a zoo. {failure}")
    return _first_of_each_name(zoos)


def _first_of_each_name(zoos: Sequence[Sequence[Student]]) -> list[Student]:
    chosen: list[Student] = []
    for zoo in zoos:
        taken = {student.name for student in chosen}
        chosen += [student for student in zoo if student.name not in taken]
    return chosen
