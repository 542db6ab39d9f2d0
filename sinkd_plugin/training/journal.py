"""``metrics.jsonl``: one line a step, complete lines only."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from sinkd_plugin.storage import storage_errors


class Journal:
    """Appends records to ``metrics.jsonl`` of a run folder.

    Args:
        folder: The run folder; it must exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / "metrics.jsonl"
        with storage_errors(self._path):
            self._stream = self._path.open("a", encoding="utf-8", buffering=1)

    def write(self, **record: Any) -> None:
        """Append one record."""
        with storage_errors(self._path):
            self._stream.write(json.dumps(record) + "\n")

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
