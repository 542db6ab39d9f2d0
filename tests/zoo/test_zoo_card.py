from __future__ import annotations

import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sinkd_plugin.errors import ConfigError
from sinkd_zoo.card import card_from_json, card_to_json
from sinkd_zoo.names import SUFFIXES, check_path

DIGEST = "0" * 64


def plain(**changes: Any) -> dict[str, Any]:
    card: dict[str, Any] = {
        "name": "encoder-12k-movie-reviews",
        "revision": "1",
        "summary": "A student.",
        "task": "movie-reviews",
        "architecture": "encoder",
        "parameters": 12_345,
        "license": "Apache-2.0",
        "metrics": {"accuracy": 0.8, "f1": 1},
        "n": 1000,
        "files": {"model.safetensors": DIGEST, "config.json": DIGEST, "onnx/config.json": DIGEST},
        "sizes": {"model.safetensors": 49_000, "config.json": 600, "onnx/config.json": 0},
        "details": {"seed": 0, "interval": {"accuracy": [0.78, 0.82]}},
    }
    return card | changes


def test_a_card_survives_the_way_to_json_and_back() -> None:
    card = card_from_json(plain())
    assert card_from_json(card_to_json(card)) == card
    assert card_to_json(card) == plain()


hostile = st.one_of(
    st.text(max_size=30),
    st.lists(st.sampled_from(["..", ".", "", "~", "C:", "con", "a", "\x00", "\\", "..\\", "\u2024\u2024"])).map(
        "/".join
    ),
)


@settings(max_examples=600, deadline=None)
@given(path=st.tuples(hostile, st.sampled_from(["", *SUFFIXES, *(f"/a{suffix}" for suffix in SUFFIXES)])).map("".join))
@example(path="../a.json")
@example(path="/etc/a.json")
@example(path="C:/a.json")
@example(path="a\\..\\b.json")
@example(path="a.json\n")
@example(path="a\x00.json")
@example(path="nul.json")
@example(path="a./b.json")
@example(path=".ssh/a.json")
def test_a_path_that_is_accepted_stays_in_its_folder_on_every_system(path: str) -> None:
    try:
        check_path(path)
    except ValueError:
        return
    for flavour in (PurePosixPath, PureWindowsPath):
        parsed = flavour(path)
        assert not parsed.is_absolute()
        assert not parsed.drive
        assert not set(parsed.parts) & {"..", ".", "~"}
        assert parsed.as_posix() == path
    assert path.isascii()
    assert path.isprintable()
    assert path.endswith(SUFFIXES)
    assert Path("/zoo/student", path).resolve().is_relative_to("/zoo/student")


@pytest.mark.parametrize(
    "path", ["model.safetensors", "config.json", "vocab.txt", "1_Pooling/config.json", "spiece.model"]
)
def test_the_files_of_a_transformers_folder_are_accepted(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path", ["pytorch_model.bin", "optimizer.pt", "model.pkl", "modeling.py", "run.sh", "a.json.py", "x"]
)
def test_pickles_and_code_are_refused(path: str) -> None:
    with pytest.raises(ConfigError, match=r"may only hold files of the kinds \.safetensors"):
        card_from_json(plain(files={path: DIGEST}))


@pytest.mark.parametrize(
    "name", ["..", ".", "", "a/b", "a\\b", "A", "a b", "-a", "a-", "con", "a.b", "a" * 101, "a\n", "é"]
)
def test_a_name_that_is_no_plain_folder_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="a student's name is"):
        card_from_json(plain(name=name))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"files": {"a.json": "0" * 63}}, "files.a.json.*64 lower-case hexadecimal"),
        ({"files": {"a.json": "G" * 64}}, "64 lower-case hexadecimal"),
        ({"files": {"a.json": DIGEST, "A.json": DIGEST}}, "differ only in case"),
        ({"files": {"a.json": DIGEST, "a.json/b.json": DIGEST}}, "folder of another"),
        ({"files": {}}, "'files' must have 1 or more entries"),
        ({"sizes": {"model.safetensors": 1}}, "'sizes' must name exactly the files"),
        ({"sizes": {"model.safetensors": 2**63}}, "'sizes.model.safetensors'.*less than or equal to"),
        ({"sizes": {"model.safetensors": -1}}, "'sizes.model.safetensors'.*greater than or equal to"),
        ({"parameters": 10**400}, "'parameters'.*less than or equal to"),
        ({"files": {f"{number}.json": DIGEST for number in range(1001)}}, "'files' must have 1000 entries or fewer"),
        ({"revision": "../1"}, "a revision is at most"),
        ({"revision": "V1"}, "a revision is at most"),
        ({"revision": 1}, "'revision' must be text"),
        ({"parameters": "12"}, "'parameters' must be a whole number"),
        ({"parameters": 0}, "'parameters'.*greater than 0"),
        ({"n": True}, "'n' must be a whole number"),
        ({"metrics": {"accuracy": float("nan")}}, "finite number"),
        ({"summary": "\x1b[2J"}, "control characters"),
        ({"licence": "MIT"}, "Unknown key 'licence'. Did you mean 'license'"),
    ],
)
def test_a_card_that_breaks_a_rule_is_refused_with_the_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        card_from_json(plain(**changes))


def test_a_missing_key_is_named_with_its_place() -> None:
    card = plain()
    del card["files"]
    with pytest.raises(ConfigError, match=re.escape("'students.0.files' is required")):
        card_from_json(card, where="students.0")
