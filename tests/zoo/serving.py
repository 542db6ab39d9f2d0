"""A running server of ``server.py``, as tests see it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVER = Path(__file__).with_name("server.py")


@dataclass(frozen=True)
class Served:
    """A folder behind a server."""

    url: str
    log: Path

    def requests(self, end: str = "") -> list[dict[str, Any]]:
        """What was asked for under paths that end so."""
        lines = self.log.read_text().splitlines() if self.log.is_file() else []
        return [entry for entry in map(json.loads, lines) if entry["path"].endswith(end)]

    def sent(self, end: str) -> int:
        """Bytes that were sent of files whose paths end so."""
        return sum(entry["sent"] for entry in self.requests(end))


@contextmanager
def serving(
    folder: Path, rules: Sequence[dict[str, Any]] = (), *, certificate: Path | None = None, name: str = "server"
) -> Iterator[Served]:
    """Serve a folder until the block ends."""
    log = folder.parent / f"{name}.log"
    words = [str(folder), str(log), json.dumps(list(rules)), *([str(certificate)] if certificate else [])]
    process = subprocess.Popen([sys.executable, str(SERVER), *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        yield Served(url=f"{'https' if certificate else 'http'}://localhost:{port}", log=log)
    finally:
        process.kill()
        process.communicate()
