"""What ``SINKD_ZOO`` and ``--source`` may name."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sinkd_plugin.errors import ConfigError
from sinkd_zoo.places import address_of, folder_of, only, places
from sinkd_zoo.publish import publish

WriteRun = Callable[..., Path]
Sinkd = Callable[..., "subprocess.CompletedProcess[str]"]


def test_addresses_and_folders_stand_side_by_side_as_in_path(monkeypatch: pytest.MonkeyPatch) -> None:
    named = ["/a/b", "https://zoo.example.org:8443/students/", "relative", "http://localhost:8000", "hf://org/name@v1",
             "https://[::1]:9/x", "https://example.org", "file:///c/d"]  # fmt: skip
    monkeypatch.setenv("SINKD_ZOO", os.pathsep.join(named))
    assert places("folder") == ["/a/b", "relative", "file:///c/d"]
    assert places("https") == [place for place in named if place.startswith("http")]
    assert places("hub") == ["hf://org/name@v1"]
    with only(["https://other.example.org"]):
        assert (places("folder"), places("https")) == ([], ["https://other.example.org"])
    assert len(places("https")) == 4


@pytest.mark.parametrize("place", ["ftp://a/b", "s3://bucket/zoo", "javascript://x", "data://x", "ssh://a"])
def test_another_scheme_is_refused(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("SINKD_ZOO", place)
    with pytest.raises(ConfigError, match=rf"begins with https://.*Received: '{place}'"):
        places("https")


@pytest.mark.parametrize(
    "place", ["https://ada:s3cret@zoo.example.org/", "https://zoo.example.org/?a=1", "https:///x", "https://a/#b"]
)
def test_an_address_is_plain(place: str) -> None:
    with pytest.raises(ConfigError, match="must be a plain https://HOST") as caught:
        address_of(place)
    assert "s3cret" not in str(caught.value)


def test_the_address_of_the_index_is_that_of_its_folder() -> None:
    addresses = {address_of(f"https://a/b{end}") for end in ("", "/", "/index.json")}
    assert addresses == {"https://a/b/"}


def test_a_file_address_is_a_folder_of_this_machine(tmp_path: Path) -> None:
    assert folder_of((tmp_path / "a b").as_uri()) == tmp_path / "a b"
    with pytest.raises(ConfigError, match="of this machine"):
        folder_of("file://elsewhere/a")


def test_a_chosen_source_is_the_only_one_that_is_asked(zoo: Path, write_run: WriteRun, sinkd: Sinkd) -> None:
    publish(write_run("one"), zoo, "mine")
    publish(write_run("two", seed=1), zoo.parent / "other", "theirs")
    other = (zoo.parent / "other").as_uri()
    assert "theirs" in sinkd("list", "--source", other).stdout
    assert "mine" not in sinkd("list", "--source", other).stdout
    assert "No student in the zoo is called 'mine'" in sinkd("download", "mine", "--source", other, code=2).stderr
    assert "begins with https://" in sinkd("list", "--source", "gopher://x", code=2).stderr
