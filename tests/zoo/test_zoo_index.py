from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sinkd_zoo.index import BrokenIndexError, read_index, write_index
from sinkd_zoo.publish import publish

WriteRun = Callable[..., Path]
Sinkd = Callable[..., "subprocess.CompletedProcess[str]"]


def test_an_index_is_sorted_and_read_as_it_was_written(zoo: Path, write_run: WriteRun) -> None:
    cards = [publish(write_run(name), zoo, name) for name in ("b", "a")]
    write_index(zoo, cards)
    assert read_index(zoo) == cards[::-1]
    assert json.loads((zoo / "index.json").read_text())["format"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Expecting property name"),
        ('{"format": 1, "format": 1}', "the key 'format' is given twice"),
        ('{"format": 1, "students": [' + "[" * 40 + "]" * 41 + "}", "nested deeper than 32 levels"),
        ('{"format": 1, "students": [{"parameters": 1' + "0" * 5000 + "}]}", "integer"),
        ('{"format": 1, "students": [], "mirrors": ["ftp://a/b"]}', "'mirrors.0': a mirror must be a plain https://"),
        ('{"format": 1, "students": [], "mirrors": ["https://a:b@c/"]}', "'mirrors.0': a mirror must be"),
        ("[]", "no JSON object"),
        ('{"format": 2, "students": []}', "its format is 2, and this version reads 1; update sinkd-plugin"),
        ('{"format": "1", "students": []}', "'format' must be 1"),
        ('{"format": 1}', "'students' is required"),
        ('{"format": 1, "students": [{"nmae": "x"}]}', "Unknown key 'students.0.nmae'. Did you mean 'name'"),
        ('{"format": 1, "students": NaN}', "NaN is no JSON number"),
        ("[" * 200_000, "nested deeper than 32 levels"),
        ("\ud800", "can't decode"),
    ],
)
def test_a_broken_index_is_one_clear_error(zoo: Path, text: str, message: str) -> None:
    zoo.mkdir()
    (zoo / "index.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(BrokenIndexError, match=rf"(?s)index\.json' must be the index of a zoo.*{message}"):
        read_index(zoo)


def test_a_folder_without_an_index_is_no_zoo(zoo: Path) -> None:
    with pytest.raises(BrokenIndexError, match="No such file"):
        read_index(zoo)


def test_an_index_beyond_the_bound_is_not_parsed(zoo: Path) -> None:
    zoo.mkdir()
    with (zoo / "index.json").open("wb") as stream:
        stream.truncate(2**30)  # sparse: takes no room on the disk
    with pytest.raises(BrokenIndexError, match="larger than"):
        read_index(zoo)


def test_a_name_may_appear_once(zoo: Path, write_run: WriteRun) -> None:
    card = publish(write_run(), zoo, "a")
    write_index(zoo, [card, card])
    with pytest.raises(BrokenIndexError, match="a name may appear once with a revision, not so a@1"):
        read_index(zoo)


def test_a_broken_zoo_does_not_hide_the_plain_message(zoo: Path, sinkd: Sinkd) -> None:
    zoo.mkdir()
    (zoo / "index.json").write_text('{"format": 1, "students": [{}]}')
    process = sinkd("list", "--json", "--source", zoo, code=1)
    assert json.loads(process.stdout) == []
    assert "'students.0.name' is required" in process.stderr
