"""examples/serve_zoo.md, run as it stands: its commands, its server, its variables."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

WriteRun = Callable[..., Path]

PAGE = Path(__file__).parents[2] / "examples" / "serve_zoo.md"


def commands() -> list[str]:
    """What the page types."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


@contextmanager
def server(words: list[str], folder: Path) -> Iterator[None]:
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with suppress(OSError), urlopen(f"http://localhost:{PORT}/index.json"):
                break
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


PORT = 8765
"""In place of the page's 8000, which may be taken."""


@pytest.mark.slow
def test_the_page_does_what_it_says(tmp_path: Path, zoo: Path, write_run: WriteRun) -> None:
    write_run("runs").rename(tmp_path / "quickstart")
    (tmp_path / "runs").mkdir()
    (tmp_path / "quickstart").rename(tmp_path / "runs" / "quickstart")
    environment = {**os.environ, "SINKD_ZOO": ""}
    publishing, serving, setting, *using = [command.replace("8000", str(PORT)) for command in commands()]
    run(publishing, tmp_path, environment)
    name, _, value = setting.removeprefix("export ").partition("=")
    environment[name] = value
    with server([sys.executable, *shlex.split(serving)[1:]], tmp_path):
        assert "mine" in run(using[0], tmp_path, environment)
        for command in using[1:]:
            if "evaluate" not in command:  # the student of this test is no model
                run(command, tmp_path, environment)
    assert (tmp_path / "fresh" / "zoo" / "https" / "mine@1" / "mine" / "model.safetensors").is_file()


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    words = shlex.split(command)
    settings = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
    words = [word for word in words if not re.match(r"[A-Z_]+=", word)]
    assert words[0] == "sinkd"
    done = subprocess.run(
        [sys.executable, "-m", "sinkd_plugin", *words[1:]],
        cwd=folder, env={**environment, **settings}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
