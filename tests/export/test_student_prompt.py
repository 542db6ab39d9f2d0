"""A folder with a prompt: its words are always read, the texts are cut to leave them room."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sinkd_export.runtime import Student
from sinkd_plugin.errors import DataError, ModelReferenceError

ONE = {"template": "Review: {text}\nGood {{or}} not?", "text": ["text"]}
TWO = {"template": "{premise} and is it so? {hypothesis}. good:", "text": ["hypothesis", "premise"]}

WORDS = "spelt out in its letters, xyzxyz " * 9


def with_prompt(exported: Path, tmp_path: Path, prompt: object) -> Path:
    folder = Path(shutil.copytree(exported, tmp_path / "asked"))
    (folder / "prompt.json").write_text(json.dumps(prompt), encoding="utf-8")
    return folder


def test_the_prompt_is_what_the_model_reads(exported: Path, tmp_path: Path) -> None:
    plain, asked = Student.load(exported), Student.load(with_prompt(exported, tmp_path, ONE))
    written = ["Review: a {film}\nGood {or} not?", "Review: dull\nGood {or} not?"]
    assert asked.predict(["a {film}", "dull"]) == plain.predict(written)


def test_a_pair_fills_the_names_in_the_order_of_text(exported: Path, tmp_path: Path) -> None:
    plain, asked = Student.load(exported), Student.load(with_prompt(exported, tmp_path, TWO))
    assert asked.predict([("rain", "wet")]) == plain.predict(["wet and is it so? rain. good:"])


def test_a_question_may_leave_one_text_of_a_pair_out(exported: Path, tmp_path: Path) -> None:
    prompt = {"template": "Is it so? {hypothesis}", "text": ["premise", "hypothesis"]}
    plain, asked = Student.load(exported), Student.load(with_prompt(exported, tmp_path, prompt))
    assert asked.predict([("rain", "wet")]) == plain.predict(["Is it so? wet"])


@pytest.mark.parametrize(
    ("prompt", "item"),
    [(ONE, "film " * 500), (TWO, ("film " * 300, "good " * 400)), (TWO, ("film", WORDS)), (TWO, (WORDS, "z"))],
)
def test_the_prompt_is_kept_when_its_texts_are_cut(
    exported: Path, tmp_path: Path, prompt: dict[str, object], item: str | tuple[str, str]
) -> None:
    student = Student.load(with_prompt(exported, tmp_path, prompt))
    (encoded,) = student.encode([item])
    assert encoded.is_cut
    assert student.tokens.max_length - 8 <= len(encoded.ids) <= student.tokens.max_length
    read = student.tokens.whole.decode(list(encoded.ids)).replace(" ##", "")
    assert read.endswith(("not?", "good :", "n o t ?", "not ?")), read
    with pytest.raises(DataError, match="must not be longer than 96 tokens"):
        student.predict([item], truncation=False)


def test_another_number_of_texts_is_refused(exported: Path, tmp_path: Path) -> None:
    student = Student.load(with_prompt(exported, tmp_path, TWO))
    with pytest.raises(DataError, match=r"asked about hypothesis and premise\. Received: 1 text.*Give pairs"):
        student.predict(["alone"])


def test_a_prompt_that_leaves_no_room_is_refused(exported: Path, tmp_path: Path) -> None:
    student = Student.load(with_prompt(exported, tmp_path, {"template": "good " * 200 + "{text}", "text": ["text"]}))
    with pytest.raises(DataError, match="must leave room for a text"):
        student.predict(["film"])


@pytest.mark.parametrize(
    "prompt", [[], {"template": "{text}"}, {"template": "{other}", "text": ["text"]}, {"template": "{", "text": []}]
)
def test_a_damaged_prompt_is_named(exported: Path, tmp_path: Path, prompt: object) -> None:
    with pytest.raises(ModelReferenceError, match=r"prompt\.json' must"):
        Student.load(with_prompt(exported, tmp_path, prompt))
