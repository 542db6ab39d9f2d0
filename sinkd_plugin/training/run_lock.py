"""One run at a time in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import Timeout

from sinkd_plugin.errors import UserError
from sinkd_plugin.staging import file_lock
from sinkd_plugin.storage import storage_errors
from sinkd_plugin.training.processes import on_first

LOCK_FILE = ".lock"


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold a run folder against other runs; the system lets go of it when this process ends, however it ends.

    Args:
        folder: The run folder; it is made if need be.

    Raises:
        UserError: If another run holds it.
    """
    with ExitStack() as held:
        on_first(lambda: _hold(folder, held))
        yield


def _hold(folder: Path, held: ExitStack) -> None:
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = file_lock(folder / LOCK_FILE)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise UserError(
                "One run at a time may use a run folder.",
                received=f"'{folder}', in which another one is at work",
                cure="Wait for it to end, or choose another training.output_dir.",
            ) from None
    held.callback(lock.release)
