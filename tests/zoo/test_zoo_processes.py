"""Several processes at one student, and processes that end in the middle."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sinkd_plugin.errors import DownloadError, StorageError
from sinkd_plugin.storage import cache_folder
from sinkd_plugin.zoo_files import file_problems
from sinkd_zoo import download
from sinkd_zoo.index import Student
from tests.zoo.serving import Served

Serve = Callable[..., Served]

NAME, WEIGHTS = "mine", "model.safetensors"
DOWNLOAD = f"from sinkd_zoo import download; print(download({NAME!r}))"


def start(program: str = DOWNLOAD) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def entries() -> list[str]:
    return sorted(path.name for path in (cache_folder() / "zoo" / "https").iterdir() if path.suffix != ".lock")


@pytest.mark.parametrize("count", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_processes_that_ask_at_once_share_one_transfer(student: Student, serve: Serve, count: int) -> None:
    server = serve({"path": WEIGHTS, "delay_s": 2})
    processes = [start() for _ in range(count)]
    results = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0] * count, results
    (folder,) = {output.strip() for output, _ in results}
    assert file_problems(Path(folder), student.files) == []
    assert [len(server.requests(name)) for name in student.files] == [1] * len(student.files)
    assert entries() == [f"{NAME}@1"]


def arrived() -> int:
    """Bytes of what is under way; a part that is complete by now has another name."""
    total = 0
    for part in (cache_folder() / "zoo").glob(".parts/*.part"):
        with suppress(FileNotFoundError):
            total += part.stat().st_size
    return total


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 12))])
def test_killed_at_a_random_moment_the_next_call_finishes(student: Student, serve: Serve, seed: int) -> None:
    """Nothing half is ever visible, what had arrived is not sent again, and what was left behind is swept up."""
    server = serve({"path": WEIGHTS, "drip_s": 0.01, "block": 4000})
    moment = random.Random(seed).uniform(0, student.sizes[WEIGHTS])
    process = start()
    while process.poll() is None and arrived() < moment:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    had = arrived()
    visible = [name for name in entries() if not name.startswith(".")]
    assert visible in ([], [f"{NAME}@1"])
    for name in visible:
        assert file_problems(cache_folder() / "zoo" / "https" / name / NAME, student.files) == []
    before = server.sent(WEIGHTS)
    assert file_problems(download(NAME), student.files) == []
    assert server.sent(WEIGHTS) - before <= student.sizes[WEIGHTS] - had
    assert entries() == [f"{NAME}@1"]
    assert list((cache_folder() / "zoo").glob(".parts/*.part")) == []


def test_killed_between_two_renames_nothing_is_lost(student: Student, serve: Serve) -> None:
    """A process that replaces a damaged student dies when the old one is aside and the new one not yet in place."""
    serve()
    weights = download(NAME) / WEIGHTS
    weights.write_bytes(b"damaged")
    program = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "rename = Path.rename\n"
        "def die(path, target):\n"
        "    os.kill(os.getpid(), signal.SIGKILL) if path.suffix == '.partial' else rename(path, target)\n"
        f"Path.rename = die\n{DOWNLOAD}"
    )
    process = start(program)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not weights.exists()
    assert file_problems(download(NAME), student.files) == []
    assert entries() == [f"{NAME}@1"]


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache on a file system of 256 kB, which only root may mount."""
    folder = tmp_path / "home"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    return folder


def test_a_disk_that_is_too_small_is_told_before_anything_is_sent(
    student: Student, serve: Serve, small_disk: Path
) -> None:
    server = serve()
    try:
        with pytest.raises(StorageError, match=r"'mine' needs \d+ bytes.*of room.*sinkd zoo prune"):
            download(NAME)
        assert server.requests(WEIGHTS) == []
    finally:
        subprocess.run(["umount", str(small_disk)], check=True)


def test_a_disk_that_fills_up_meanwhile_loses_nothing(
    student: Student, serve: Serve, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    monkeypatch.setattr("sinkd_zoo.https_source._require_room", lambda *_: None)  # another process takes the room
    try:
        with pytest.raises(StorageError, match="The disk is full"):
            download(NAME)
        assert [name for name in entries() if not name.startswith(".")] == []
        had = arrived()
        assert had > 0
        subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
        before = server.sent(WEIGHTS)
        assert file_problems(download(NAME), student.files) == []
        assert server.sent(WEIGHTS) - before <= student.sizes[WEIGHTS] - had
    finally:
        subprocess.run(["umount", str(small_disk)], check=True)


def test_a_file_that_may_not_grow_is_an_error_in_words(student: Student, serve: Serve) -> None:
    """A quota ends a write as a full disk does; here by a limit on the size of a file."""
    serve()
    program = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "from sinkd_plugin.cli.main import main\n"
        f"main(['zoo', 'download', {NAME!r}])"
    )
    process = start(program)
    _, told = process.communicate()
    assert process.returncode == 1
    assert "File too large" in told
    assert "Traceback" not in told
    assert arrived() == 100_000
    assert file_problems(download(NAME), student.files) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_a_cache_that_another_may_only_read_is_used(
    student: Student, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user, without rights on the cache, gets what is in it, and a plain error for what is not."""
    serve()
    home = tempfile.TemporaryDirectory()  # pytest's own folders are closed to others
    Path(home.name).chmod(0o755)
    monkeypatch.setenv("SINKD_HOME", home.name)
    become_another = "import os, shutil; os.setgid(65534); os.setuid(65534)\n"
    reader = start(f"{DOWNLOAD}\n{become_another}{DOWNLOAD}")
    output, told = reader.communicate()
    assert output.splitlines() == [str(download(NAME))] * 2, told
    remove = f"import shutil; shutil.rmtree({str(download(NAME).parent)!r})\n"
    _, told = start(f"{remove}{DOWNLOAD}\n{remove}{become_another}{DOWNLOAD}").communicate()
    assert "StorageError: " in told
    assert "must be writable" in told
    assert "Permission denied" in told
    home.cleanup()


def test_a_broken_connection_in_a_process_is_one_message(student: Student, serve: Serve) -> None:
    serve({"path": WEIGHTS, "status": 404})
    with pytest.raises(DownloadError):
        download(NAME)
    process = subprocess.run(
        [sys.executable, "-m", "sinkd_plugin", "zoo", "download", NAME], capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.startswith("Error: ")
    assert len(process.stderr.splitlines()) == 1
