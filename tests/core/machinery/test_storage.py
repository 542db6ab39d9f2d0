"""Nothing half-written under its final name, whatever happens in between."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinkd_plugin.errors import StorageError, UserError
from sinkd_plugin.storage import new_file, new_folder, read_json, sha256, write_json, write_text


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
