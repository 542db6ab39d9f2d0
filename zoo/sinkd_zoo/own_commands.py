"""Run other ``sinkd`` commands, as a user would, each in a process of its own."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sinkd_plugin.console import note
from sinkd_plugin.errors import WorldError


def run_command(*words: str, threads: int) -> Any:
    """Run a command with ``--json``; what it tells on stderr goes there.

    Args:
        words: The words after ``sinkd``.
        threads: Threads to compute with.

    Returns:
        Its result.

    Raises:
        WorldError: If it does not end well.
    """
    note(f"\n$ sinkd {shlex.join(words)}")
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    with (
        subprocess.Popen(  # noqa: S603 (the words are those of our own commands)
            [sys.executable, "-m", "sinkd_plugin", *words, "--json"], stdout=subprocess.PIPE, text=True, env=environment
        ) as command,
        _ending_together(command),
    ):
        printed, _ = command.communicate()
    if command.returncode:
        raise WorldError(f"`sinkd {words[0]}` must end well.", received=f"exit code {command.returncode}; see above")
    return json.loads(printed)


@contextmanager
def _ending_together(command: subprocess.Popen[str]) -> Iterator[None]:
    """SIGTERM goes on to the command, which saves its state and ends, and does not train on without anyone waiting."""
    if threading.current_thread() is not threading.main_thread():  # where Python lets no signal be handled
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: command.terminate())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
