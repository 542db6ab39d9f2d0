"""What a terminal shows that a pipe does not, and what every command has."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from sinkd_zoo.commands import command
from sinkd_zoo.index import Student
from tests.zoo.serving import Served

Serve = Callable[..., Served]
Sinkd = Callable[..., "subprocess.CompletedProcess[str]"]

DOWNLOAD = (sys.executable, "-m", "sinkd_plugin", "zoo", "download", "mine")
SLOWLY = {"path": "model.safetensors", "drip_s": 0.02, "block": 20_000}


def test_a_pipe_gets_the_folder_and_nothing_else(student: Student, serve: Serve, sinkd: Sinkd) -> None:
    serve(SLOWLY)
    process = sinkd("download", "mine")
    assert Path(process.stdout.removesuffix("\n")).is_dir()
    assert process.stderr == ""


def test_a_terminal_gets_a_bar(student: Student, serve: Serve) -> None:
    serve(SLOWLY)
    master, terminal = pty.openpty()
    process = subprocess.Popen(DOWNLOAD, stdout=subprocess.PIPE, stderr=terminal, text=True, env=_terminal())
    os.close(terminal)
    shown = b""
    while True:
        try:
            shown += os.read(master, 4096)
        except OSError:  # the other end is closed
            break
    output, _ = process.communicate()
    os.close(master)
    assert Path(output.strip()).is_dir()
    assert b"mine" in shown
    assert b"KiB" in shown


def _terminal() -> dict[str, str]:
    return {**os.environ, "TERM": "xterm", "COLUMNS": "120"}


@pytest.mark.parametrize("name", sorted(command.commands))
def test_every_command_has_help_with_an_example_and_json(name: str) -> None:
    assert isinstance(command, click.Group)
    each = command.commands[name]
    assert each.epilog is not None
    assert each.epilog.startswith(("Example: sinkd zoo", "Examples: sinkd zoo"))
    assert "as_json" in {parameter.name for parameter in each.params}
