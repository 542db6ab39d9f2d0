from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sinkd_plugin.errors import ChecksumError, SinkdError, UnknownNameError, UserError
from sinkd_plugin.references import resolve_model
from sinkd_plugin.storage import cache_folder
from sinkd_plugin.zoo_files import file_problems
from sinkd_zoo import download
from sinkd_zoo.publish import publish

WriteRun = Callable[..., Path]

NAME = "encoder-12k-movie-reviews"


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*") if not path.name.endswith(".lock"))


def test_a_student_is_the_published_files_under_the_cache(zoo: Path, write_run: WriteRun) -> None:
    card = publish(write_run(), zoo)
    folder = download(NAME)
    assert folder == cache_folder() / "zoo" / "folder" / f"{NAME}@1" / NAME
    assert file_problems(folder, card.files) == []
    assert resolve_model(f"zoo:{NAME}") == str(folder)


def test_the_checksums_beside_a_student_are_those_of_sha256sum(zoo: Path, write_run: WriteRun) -> None:
    publish(write_run(), zoo)
    folder = download(NAME)
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder.parent, check=True)


def test_one_flipped_bit_in_the_zoo_is_refused_and_leaves_nothing(zoo: Path, write_run: WriteRun) -> None:
    publish(write_run(), zoo)
    flip_a_bit(zoo / NAME / "1" / "model.safetensors")
    with pytest.raises(ChecksumError, match=r"model\.safetensors has sha256"):
        download(NAME)
    assert visible(cache_folder() / "zoo" / "folder") == []


@pytest.mark.parametrize("change", ["extra", "missing", "link", "folder"])
def test_a_zoo_folder_that_is_not_its_card_is_refused(zoo: Path, write_run: WriteRun, change: str) -> None:
    publish(write_run(), zoo)
    config = zoo / NAME / "1" / "config.json"
    if change == "extra":
        (zoo / NAME / "1" / "pytorch_model.bin").write_bytes(b"x")
    else:
        config.rename(zoo.parent / "elsewhere.json")
    if change == "link":
        config.symlink_to(zoo.parent / "elsewhere.json")
    if change == "folder":
        config.mkdir()
    with pytest.raises(ChecksumError, match=r"exactly the files on its card.*(config\.json|pytorch_model\.bin)"):
        download(NAME)
    assert visible(cache_folder() / "zoo" / "folder") == []


@pytest.mark.parametrize("damage", ["flip", "delete", "add"])
def test_a_damaged_cached_copy_is_never_returned_but_fetched_again(zoo: Path, write_run: WriteRun, damage: str) -> None:
    card = publish(write_run(), zoo)
    weights = download(NAME) / "model.safetensors"
    if damage == "flip":
        flip_a_bit(weights)
    elif damage == "delete":
        weights.unlink()
    else:
        (weights.parent / "modeling.py").write_text("")
    assert file_problems(download(NAME), card.files) == []


def test_a_new_version_in_the_zoo_replaces_the_cached_one(
    zoo: Path, write_run: WriteRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(write_run("old"), zoo, "mine")
    old = (download("mine") / "model.safetensors").read_bytes()
    monkeypatch.setenv("SINKD_ZOO", str(zoo.parent / "newer"))
    card = publish(write_run("new", seed=1), zoo.parent / "newer", "mine")
    folder = download("mine")
    assert (folder / "model.safetensors").read_bytes() != old
    assert file_problems(folder, card.files) == []


def test_the_first_folder_that_has_a_name_wins(zoo: Path, write_run: WriteRun, monkeypatch: pytest.MonkeyPatch) -> None:
    first = publish(write_run("one"), zoo.parent / "one", "mine")
    publish(write_run("two", seed=1), zoo.parent / "two", "mine")
    monkeypatch.setenv("SINKD_ZOO", os.pathsep.join([str(zoo.parent / "one"), str(zoo.parent / "two")]))
    assert file_problems(download("mine"), first.files) == []


def test_a_copy_elsewhere_is_complete_and_asked_for_twice_the_same(zoo: Path, write_run: WriteRun) -> None:
    card = publish(write_run(), zoo)
    target = zoo.parent / "deep" / "student"
    assert download(NAME, target) == target
    assert download(NAME, target) == target
    assert file_problems(target, card.files) == []


def test_a_folder_with_other_files_is_not_overwritten(zoo: Path, write_run: WriteRun) -> None:
    publish(write_run(), zoo)
    target = zoo.parent / "mine"
    target.mkdir()
    (target / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="must not exist, be empty, or hold this very student"):
        download(NAME, target)
    assert visible(target) == ["thesis.txt"]


def test_an_unknown_name_suggests_the_nearest(zoo: Path, write_run: WriteRun) -> None:
    publish(write_run(), zoo)
    with pytest.raises(UnknownNameError, match=f"No student in the zoo is called.*Did you mean '{NAME}'"):
        download("encoder-12k-movie-review")


def test_a_broken_folder_in_the_setting_is_named_and_hides_no_other(
    zoo: Path, write_run: WriteRun, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    card = publish(write_run(), zoo)
    absent = str(zoo.parent / "absent")
    monkeypatch.setenv("SINKD_ZOO", os.pathsep.join([absent, str(zoo)]))
    assert file_problems(download(NAME), card.files) == []
    assert f"Skipped a zoo. '{absent}/index.json' must be the index of a zoo" in capfd.readouterr().err
    monkeypatch.setenv("SINKD_ZOO", absent)
    with pytest.raises(SinkdError, match=r"absent.*must be the index of a zoo"):
        download("another")


def test_processes_that_ask_at_once_all_get_the_whole_student(zoo: Path, write_run: WriteRun) -> None:
    card = publish(write_run(), zoo)
    script = f"from sinkd_zoo import download; print(download({NAME!r}))"
    processes = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    folders = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    (folder,) = folders
    assert file_problems(Path(folder), card.files) == []
    assert visible(Path(folder).parent.parent) == [f"{NAME}@1"]
