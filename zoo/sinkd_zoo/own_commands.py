"""Run other ``sinkd`` commands, as a user would, each in a process of its own."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
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
    done = subprocess.run(  # noqa: S603 (the words are those of our own commands)
        [sys.executable, "-m", "sinkd_plugin", *words, "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        raise WorldError(f"`sinkd {words[0]}` must end well.", received=f"exit code {done.returncode}; see above")
    return json.loads(done.stdout)
