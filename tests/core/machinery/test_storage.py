"""Nothing half-written under its final name, whatever happens in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinkd_plugin.errors import StorageError, UserError
from sinkd_plugin.staging import sweep
from sinkd_plugin.storage import locked, new_file, new_folder, read_json, sha256, write_json, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "new") as staging:
        (staging / "inner").mkdir()
        (staging / "inner" / "file").write_text("x")
        (staging / "inner" / "file").chmod(0o600)
        assert not (tmp_path / "deep" / "new").exists()
    assert names(tmp_path / "deep") == ["new"]
    assert (tmp_path / "deep" / "new" / "inner" / "file").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    final = tmp_path / "final"
    write_text(final / "old", "old")
    with pytest.raises((error, StorageError)), new_folder(final, overwrite=True) as staging:  # noqa: PT012
        (staging / "new").write_text("new")
        raise error("halfway")
    assert names(tmp_path) == ["final"]
    assert names(final) == ["old"]


def test_a_folder_is_replaced_only_when_asked(tmp_path: Path) -> None:
    write_text(tmp_path / "final" / "old", "old")
    with pytest.raises(UserError, match="must not exist yet"), new_folder(tmp_path / "final"):
        pass
    with new_folder(tmp_path / "final", overwrite=True) as staging:
        (staging / "new").write_text("new")
    assert names(tmp_path / "final") == ["new"]
    assert names(tmp_path) == ["final"]


def test_a_file_appears_whole(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "old")
    with pytest.raises(RuntimeError), new_file(tmp_path / "file") as staging:  # noqa: PT012
        staging.write_text("half")
        raise RuntimeError
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_json_has_no_nan_and_reading_tells_what_is_wrong(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": "λ"})
    assert read_json(tmp_path / "a.json") == {"x": "λ"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert read_json(tmp_path / "a.json") == {"x": "λ"}
    write_text(tmp_path / "b.json", "{")
    for name in ("b.json", "none.json"):
        with pytest.raises(StorageError, match="must be a readable JSON file"):
            read_json(tmp_path / name)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "no folder")
    with pytest.raises(StorageError, match="must be writable"):
        write_text(tmp_path / "file" / "inner", "x")
    with pytest.raises(StorageError, match="must be writable"), new_folder(tmp_path / "file" / "inner"):
        pass


def test_the_hash_is_sha256(tmp_path: Path) -> None:
    write_text(tmp_path / "abc", "abc")
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB, which only root may mount."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_called_by_its_name(small_disk: Path) -> None:
    write_text(small_disk / "old", "old")
    with pytest.raises(StorageError, match="The disk is full"):
        write_text(small_disk / "old", "x" * 2_000_000)
    with pytest.raises(StorageError, match="The disk is full"), new_folder(small_disk / "new") as staging:
        (staging / "file").write_bytes(b"x" * 2_000_000)
    assert (small_disk / "old").read_text() == "old"
    assert names(small_disk) == ["old"]


HOLD = """
import sys, time
from pathlib import Path
from sinkd_plugin import storage
with storage.{what}(Path(sys.argv[1])) as staging:
    (staging / "half" if staging.is_dir() else staging).write_text("half")
    print("in the middle", flush=True)
    time.sleep(600)
"""


def in_the_middle(what: str, final: Path) -> subprocess.Popen[str]:
    """A process that has written half of ``final`` and goes no further."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(what=what), str(final)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "in the middle\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("what", ["new_file", "new_folder"])
def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path: Path, what: str) -> None:
    kill(in_the_middle(what, tmp_path / "final"))
    assert "final" not in names(tmp_path)
    assert len(names(tmp_path)) == 2
    write_text(tmp_path / "finale", "another name, though a longer one")
    assert len(names(tmp_path)) == 3
    write_text(tmp_path / "final", "whole")
    assert names(tmp_path) == ["final", "finale"]


def test_what_a_living_process_writes_is_left_alone(tmp_path: Path) -> None:
    process = in_the_middle("new_folder", tmp_path / "final")
    with new_folder(tmp_path / "final") as staging:
        (staging / "mine").write_text("whole")
    assert len(names(tmp_path)) == 3
    kill(process)
    assert names(tmp_path / "final") == ["mine"]


def test_a_folder_that_a_killed_process_had_moved_aside_comes_back(tmp_path: Path) -> None:
    write_text(tmp_path / "final" / "old", "old")
    kill(in_the_middle("new_folder", tmp_path / "other"))
    staging = next(path for path in tmp_path.iterdir() if path.name.endswith(".partial"))
    (tmp_path / "final").rename(staging.with_suffix(".previous"))  # as far as it gets between its two renames
    sweep(tmp_path / "other")
    assert names(tmp_path) == ["other"]
    assert names(tmp_path / "other") == ["old"]


@pytest.mark.parametrize(("umask", "folder_mode", "file_mode"), [(0o022, 0o755, 0o644), (0o077, 0o700, 0o600)])
def test_the_umask_decides_who_may_read(tmp_path: Path, umask: int, folder_mode: int, file_mode: int) -> None:
    before = os.umask(umask)
    try:
        with new_folder(tmp_path / "folder") as staging:
            (staging / "inner").mkdir()
            write_text(staging / "inner" / "file", "x")
            (staging / "inner" / "file").chmod(0o600)  # as safetensors leaves its files
        write_text(tmp_path / "file", "x")
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "folder", tmp_path / "folder" / "inner")}
    assert modes == {folder_mode}
    for path in (tmp_path / "folder" / "inner" / "file", tmp_path / "file"):
        assert path.stat().st_mode & 0o777 == file_mode


def test_a_folder_of_a_group_stays_the_groups(tmp_path: Path) -> None:
    tmp_path.chmod(0o2775)
    before = os.umask(0o002)
    try:
        with new_folder(tmp_path / "folder") as staging:
            write_text(staging / "file", "x")
        with locked(tmp_path / "folder"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "folder").stat().st_mode & 0o7777 == 0o2775
    for path in (tmp_path / "folder" / "file", tmp_path / ".folder.lock"):
        assert path.stat().st_mode & 0o777 == 0o664
