"""Every setting of an exported folder that cannot be is refused by the name of its file; none is guessed at."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sinkd_export.labels import read_labels
from sinkd_export.runtime import Student
from sinkd_export.tokens import UNBOUNDED, open_tokens
from sinkd_plugin.errors import ModelReferenceError

NO_LENGTHS = ["96", "long", -5, -1e30, 0, 1, 3, True, False, 12.5, float("nan"), float("inf"), [96], {"tokens": 96}]
"""What is no number of tokens for a tokenizer that adds three to a pair."""

LENGTHS = [
    ("tokenizer_config.json", "model_max_length"),
    ("config.json", "max_position_embeddings"),
    ("sinkd.json", "max_length"),
]


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(exported, tmp_path / "copy"))


def change(path: Path, **settings: Any) -> None:
    """Set some keys of a JSON file, which is made if it is not there."""
    data = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps({**data, **settings}), encoding="utf-8")


def message(folder: Path) -> str:
    """What a folder is refused with: it names the file, and ends in the cure."""
    with pytest.raises(ModelReferenceError) as told:
        Student.load(folder)
    assert str(told.value).endswith(" Export the model again.")
    return str(told.value)


@pytest.mark.parametrize("value", NO_LENGTHS)
@pytest.mark.parametrize(("file", "name"), LENGTHS)
def test_a_length_that_cannot_be_is_refused(folder: Path, file: str, name: str, value: object) -> None:
    change(folder / file, **{name: value})
    told = message(folder)
    assert told.startswith(f"'{folder / file}' must hold a whole number in {name}, at least 4. Received: {value!r}.")


@pytest.mark.parametrize("value", [None, 1e30, int(1e30), 4096, 96.0])
@pytest.mark.parametrize(("file", "name"), LENGTHS)
def test_the_least_of_all_lengths_holds(folder: Path, file: str, name: str, value: object) -> None:
    for path, setting in LENGTHS:
        change(folder / path, **{setting: 96})
    change(folder / file, **{name: value})
    assert Student.load(folder).tokens.max_length == 96


def test_no_length_anywhere_is_no_mistake(folder: Path) -> None:
    change(folder / "tokenizer_config.json", model_max_length=None)
    change(folder / "config.json", max_position_embeddings=None)
    assert open_tokens(folder).max_length == UNBOUNDED


def test_a_wrong_record_of_training_is_not_asked_where_a_length_is_given(folder: Path) -> None:
    change(folder / "sinkd.json", max_length="text")
    assert Student.load(folder, max_length=12).tokens.max_length == 12
    assert open_tokens(folder).max_length == 96


@pytest.mark.parametrize(
    "labels",
    [
        None,
        {},
        {"a": "x", "b": "y", "c": "z"},
        {"1": "bad", "2": "fair", "3": "good"},
        {"0": "bad", "2": "fair", "3": "good"},
        {"00": "bad", "01": "fair", "02": "good"},
        {"0": "bad", "1": "bad", "2": "good"},
        {"0": "1", "1": 1, "2": "good"},
        {"0": "bad", "1": None, "2": "good"},
        {"0": "bad", "1": ["fair"], "2": "good"},
        {"0": True, "1": False, "2": "good"},
        {"0": "only"},
        ["bad", "fair", "good"],
        "bad",
        3,
    ],
)
def test_labels_that_cannot_be_are_refused(folder: Path, labels: object) -> None:
    change(folder / "config.json", id2label=labels)
    rule = "must name two or more different labels in id2label, numbered from 0 on. Received: "
    assert message(folder).startswith(f"'{folder / 'config.json'}' {rule}")
    with pytest.raises(ModelReferenceError, match="numbered from 0 on"):
        read_labels(folder)


def test_labels_follow_their_numbers_and_not_the_file(folder: Path) -> None:
    names = {str(number): f"label {number}" for number in range(12)}
    change(folder / "config.json", id2label=dict(sorted(names.items())))
    assert read_labels(folder) == tuple(names.values())
    change(folder / "config.json", id2label={"1": 5, "0": 0, "2": "8"})
    assert Student.load(folder).labels == ("0", "5", "8")


@pytest.mark.parametrize(
    "prompt",
    [
        {"template": "{text}", "text": [["text"]]},
        {"template": "{text}", "text": [{"text": 1}]},
        {"template": "{text}", "text": [None]},
        {"template": "{text}", "text": "text"},
        {"template": "{text}", "text": ["text", "text"]},
        {"template": "{text} {other}", "text": ["text", "text"]},
        {"template": "no text", "text": []},
        {"template": "{a} {b} {c}", "text": ["a", "b", "c"]},
        {"template": ["{text}"], "text": ["text"]},
        {"template": "text}", "text": ["text"]},
    ],
)
def test_a_prompt_that_cannot_be_is_refused(folder: Path, prompt: object) -> None:
    (folder / "prompt.json").write_text(json.dumps(prompt), encoding="utf-8")
    rule = 'must hold a template, and in "text" one or two names, some of them in its braces. Received: '
    assert message(folder).startswith(f"'{folder / 'prompt.json'}' {rule}")


@pytest.mark.parametrize("token", [5, ["[PAD]"], {"text": "[PAD]"}, {"content": 0}])
def test_a_padding_token_that_is_no_text_is_refused(folder: Path, token: object) -> None:
    change(folder / "tokenizer_config.json", pad_token=token)
    assert "tokenizer_config.json' must hold a text in pad_token" in message(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "sinkd.json", "prompt.json"])
@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe{}", b"[" * 100_000])
def test_a_file_that_is_no_json_object_is_refused(folder: Path, name: str, data: bytes) -> None:
    (folder / name).write_bytes(data)
    assert message(folder).startswith(f"'{folder / name}' must be readable. Received: ")
