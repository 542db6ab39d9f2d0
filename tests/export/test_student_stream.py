"""A stream is read as far as needed, answered in its order, and never held as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import pytest

from sinkd_export.runtime import Student
from sinkd_plugin.errors import DataError, UserError


@pytest.fixture(scope="module")
def student(exported: Path) -> Student:
    return Student.load(exported)


class Source:
    """An endless stream of texts that counts how many of them were taken."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Iterator[str]:
        for number in count():
            self.taken += 1
            yield " film" * (1 + number * 7 % 11)


@pytest.mark.parametrize("window", [1, 3, 8])
def test_no_more_is_read_than_a_window(student: Student, window: int) -> None:
    source = Source()
    answers = student.predict_stream(source, window=window, batch_size=2)
    assert source.taken == 0
    for position, _ in enumerate(islice(answers, 20)):
        assert position < source.taken <= position + window


def test_the_order_is_that_of_the_texts(student: Student) -> None:
    texts = list(islice(Source(), 50))
    expected = [student.predict([text])[0] for text in texts]
    found = list(student.predict_stream(iter(texts), window=16, batch_size=4))
    assert [answer["label"] for answer in found] == [answer["label"] for answer in expected]
    for answer, other in zip(found, expected, strict=True):
        assert answer["scores"] == pytest.approx(other["scores"], abs=1e-5)


def test_a_stream_of_nothing_ends(student: Student) -> None:
    assert list(student.predict_stream(iter(()))) == []


def test_a_bad_text_is_named_by_its_place_in_the_stream(student: Student) -> None:
    answers = student.predict_stream(iter(["film"] * 5 + [""]), window=4)
    assert len(list(islice(answers, 4))) == 4
    with pytest.raises(DataError, match="'' at position 5"):
        next(answers)


def test_a_long_text_is_named_by_its_place_in_the_stream(student: Student) -> None:
    answers = student.predict_stream(iter(["film"] * 5 + ["film " * 200]), window=4, truncation=False)
    with pytest.raises(DataError, match="202 at position 5"):
        list(answers)


def test_sizes_are_checked_before_the_first_answer_is_asked_for(student: Student) -> None:
    with pytest.raises(UserError, match="window must be a whole number, at least 1"):
        student.predict_stream(["film"], window=0)
    with pytest.raises(UserError, match="batch_size must be a whole number, at least 1"):
        student.predict_stream(["film"], batch_size=-1)


def test_one_bare_text_is_no_stream(student: Student) -> None:
    with pytest.raises(DataError, match="takes a list"):
        student.predict_stream("film")
