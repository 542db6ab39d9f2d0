"""An index, a card or a student of a stranger: refused with the reason, and nothing is written outside its folder."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sinkd_plugin.errors import SinkdError
from sinkd_plugin.storage import cache_folder, sha256
from sinkd_zoo import download
from sinkd_zoo.contents import UnsafeContentError
from sinkd_zoo.folder_source import fetch
from sinkd_zoo.index import BrokenIndexError, Student, parse_index
from sinkd_zoo.publish import publish

WriteRun = Callable[..., Path]

DIGEST = "0" * 64
INDEX: dict[str, Any] = {
    "format": 1,
    "mirrors": ["https://mirror.example.org/zoo/"],
    "students": [
        {
            "name": "bert-1k-words",
            "revision": "1",
            "summary": "A student.",
            "task": "words",
            "architecture": "encoder",
            "parameters": 1000,
            "license": "MIT",
            "metrics": {"accuracy": 0.8},
            "n": 100,
            "files": {"model.safetensors": DIGEST, "config.json": DIGEST},
            "sizes": {"model.safetensors": 1, "config.json": 1},
            "details": {"seed": 0},
            "folder": "bert-1k-words/1",
        }
    ],
}

PATHS = [
    "../a.json", "a/../../b.json", "/etc/a.json", "C:\\a.json", "C:a.json", "\\\\host\\share\\a.json", "a\x00.json",
    "..\\a.json", "a/./b.json", "a//b.json", "./a.json", "a.json/", "a.json.", "a.json ", " a.json", "..", ".", "",
    "a\u2215..\u2215b.json", "a\uff0f..\uff0fb.json", "\u2024\u2024/a.json", "a\u200b.json", "a\u202egnp.json",
    "\ud800.json", "e\u0301.json", "\u00e9.json", "~/a.json", ".ssh/a.json", "con.json", "NUL.json", "lpt1.json",
    "a.json:stream", "model.bin", "model.pt", "model.pkl", "modeling.py", "a.json.py", "a" * 300 + ".json",
    "%2e%2e/a.json", "a?b.json", "a#b.json", "a*.json", "-rf.json", "$(x).json", "`x`.json", "A.JSON", "config.JSON",
]  # fmt: skip
VALUES = [
    *PATHS, None, True, -1, 0, 2**63, 10**30, 1e308, "", [], {}, "x" * 5000, {"a": "b"}, ["a"], "\x1b[2J", "\n",
    dict.fromkeys(PATHS, DIGEST), "file:///etc/passwd", "ftp://a/b", "http://a:b@c/", "javascript:x",
]  # fmt: skip

anything = st.one_of(st.sampled_from(VALUES), st.text(max_size=20), st.integers(), st.floats(), st.booleans())
keys = st.one_of(
    st.sampled_from([*INDEX, *INDEX["students"][0], "trust_remote_code", "auto_map", *PATHS]), st.text(max_size=10)
)


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A valid index in which up to four places hold something else."""
    index = copy.deepcopy(INDEX)
    for _ in range(draw(st.integers(0, 4))):
        student = index["students"][0] if isinstance(index.get("students"), list) and index["students"] else index
        places = [index, student, *(student.get(key) for key in ("files", "sizes", "metrics", "details"))]
        place = draw(st.sampled_from([place for place in places if isinstance(place, dict)]))
        place[draw(keys)] = copy.deepcopy(draw(anything))
    return index


@settings(max_examples=1200, deadline=None)
@given(index=mutated())
def test_an_index_is_harmless_or_refused(index: dict[str, Any]) -> None:
    try:
        students = parse_index(json.dumps(index).encode("utf-8", "surrogatepass"), "zoo")
    except BrokenIndexError:
        return
    for student in students:
        for path in (*student.files, f"{student.name}@{student.revision}", student.folder):
            stays_inside(path)
        assert all(path.endswith((".safetensors", ".json", ".txt", ".md", ".model")) for path in student.files)


def stays_inside(path: str) -> None:
    assert path.isascii()
    assert path.isprintable()
    for flavour in (PurePosixPath, PureWindowsPath):
        parsed = flavour(path)
        assert not parsed.is_absolute()
        assert not parsed.drive
        assert ".." not in parsed.parts
        assert parsed.as_posix() == path


@settings(max_examples=1000, deadline=None)
@given(
    text=st.one_of(st.binary(max_size=200), st.text(alphabet='{}[]",:0123456789.eE+-ntf ', max_size=60).map(str.encode))
)
@example(text=b"[" * 100_000)
@example(text=b'{"a":' * 100_000)
@example(text=b'{"format": 1, "students": [' + b"9" * 100_000 + b"]}")
@example(text=b'{"format": 1e999}')
@example(text="\ufeff{}".encode())
def test_whatever_the_bytes_are_the_error_is_ours(text: bytes) -> None:
    with suppress(BrokenIndexError):
        parse_index(text, "zoo")


@settings(max_examples=150, deadline=None)
@given(
    paths=st.lists(st.one_of(st.sampled_from(PATHS), st.text(max_size=15)), max_size=4), folder=st.sampled_from(PATHS)
)
def test_no_card_makes_a_download_write_outside_its_folder(paths: list[str], folder: str) -> None:
    """The files that a card claims are there, wherever it claims them, as far as this system lets them be made."""
    root = Path(tempfile.mkdtemp())
    try:
        index = copy.deepcopy(INDEX)
        names = ["config.json", *paths]
        index["students"][0] |= {
            "files": {name: sha256_of(b"{}") for name in names}, "sizes": dict.fromkeys(names, 2), "folder": folder
        }  # fmt: skip
        for place in (folder, "."):
            for name in names:
                put(root / "zoo" / place / name)
        into = root / "cache" / "into"
        into.mkdir(parents=True)
        before = inventory(root) - inventory(into)
        with suppress(SinkdError):
            for student in parse_index(json.dumps(index).encode("utf-8", "surrogatepass"), str(root / "zoo")):
                fetch(student, into)
        assert {path for path in inventory(root) if into not in path.parents and path != into} == before - {into}
    finally:
        shutil.rmtree(root)


def sha256_of(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def put(path: Path) -> None:
    """Make a file, where it stays below the folder of this test."""
    with suppress(OSError, ValueError):
        path.resolve().relative_to(Path(tempfile.gettempdir()).resolve())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{}")


def inventory(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


class Payload:
    """What a pickle runs when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("code of a stranger",))


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("config.json", b'{"auto_map": {"AutoModel": "modeling.Mine"}}', "config.json asks for code with auto_map"),
        ("config.json", b'{"nested": [{"trust_remote_code": true}]}', "asks for code with trust_remote_code"),
        ("tokenizer_config.json", b'{"auto_map": {}}', "tokenizer_config.json asks for code with auto_map"),
        ("config.json", b'{"a": 1, "a": 2}', "config.json is no plain configuration .*'a' is given twice"),
        ("config.json", b'{"a":' * 40 + b"1" + b"}" * 40, "nested deeper than 32 levels"),
        ("config.json", b'{"a": "' + b"x" * 2**23 + b'"}', "larger than 4194304 bytes"),
        ("model.safetensors", pickle.dumps(Payload()), "model.safetensors is no safetensors file"),
        ("model.safetensors", b"PK\x03\x04" + bytes(100), "model.safetensors is no safetensors file"),
        ("model.safetensors", b"", "model.safetensors is no safetensors file"),
        ("model.safetensors", (2**62).to_bytes(8, "little") + b"{}", "is no safetensors file"),
        ("model.safetensors", (9).to_bytes(8, "little") + b"[1, 2, 3]", "is no safetensors file"),
    ],
)
def test_a_student_that_could_run_code_is_refused_on_either_way(
    zoo: Path, write_run: WriteRun, file: str, content: bytes, told: str
) -> None:
    run = write_run()
    student = publish(run, zoo, "mine")
    (run / "student" / file).write_bytes(content)
    with pytest.raises(UnsafeContentError, match=told):
        publish(run, zoo, "other")
    smuggle(zoo, student, file, content)
    with pytest.raises(UnsafeContentError, match=told):
        download("mine")
    assert [path for path in (cache_folder() / "zoo" / "folder").iterdir() if not path.name.startswith(".")] == []


def smuggle(zoo: Path, student: Student, file: str, content: bytes) -> None:
    """Change a published file, and the index with it, as a hostile publisher would."""
    path = zoo / "mine" / "1" / file
    path.write_bytes(content)
    index = json.loads((zoo / "index.json").read_text())
    index["students"][0]["files"][file] = sha256(path)
    index["students"][0]["sizes"][file] = len(content)
    (zoo / "index.json").write_text(json.dumps(index))
