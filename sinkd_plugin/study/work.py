"""Run the cells of a study, here and beside other processes that do the same."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence

from sinkd_plugin.console import note
from sinkd_plugin.errors import SinkdError, StoppedError, StorageError
from sinkd_plugin.study.cells import Cell, located
from sinkd_plugin.study.store import Outcome, Store
from sinkd_plugin.training.run import run

_POLL_SECONDS = 2.0


def work(cells: Sequence[Cell], store: Store, keep_seed: int | None = None) -> None:
    """Run what has not ended, until all cells have; what another process is at is waited for.

    A cell that fails is kept with its error, and the others go on.

    Args:
        cells: The cells; those with the same key are one.
        store: Where they are kept.
        keep_seed: Final seed of which the students are kept.

    Raises:
        StorageError: If the disk is full: then no cell can end, and none is marked as failed for it.
        StoppedError: If a signal came; the same call goes on.
    """
    left = _open(cells, store)
    while left:
        if not any(_attempt(cell, store, len(left), keep_seed) for cell in left):
            time.sleep(_POLL_SECONDS)
        left = _open(cells, store)


def _open(cells: Sequence[Cell], store: Store) -> list[Cell]:
    return [cell for cell in {cell.key: cell for cell in cells}.values() if store.outcome(cell) is None]


def _attempt(cell: Cell, store: Store, left: int, keep_seed: int | None) -> bool:
    """Run a cell unless it has ended or another process has it; whether it was run."""
    with store.claimed(cell) as mine:
        if not mine or store.outcome(cell) is not None:
            return False
        note(f"[{left} left] {cell.describe()}")
        outcome = _outcome(cell, store)
        if outcome.status == "done" and cell.split == "test" and cell.seed == keep_seed:
            store.keep_student(cell)
        store.finish(cell, outcome)
        store.drop_run(cell)
        return True


def _outcome(cell: Cell, store: Store) -> Outcome:
    start = time.monotonic()
    try:
        store.lend_teacher(cell)
        result = run(located(cell, store.run_folder(cell)), overwrite=True)
        store.keep_teacher(cell)
    except (StorageError, StoppedError):
        raise
    except Exception as error:  # whatever stops one run must not stop a week of others
        note(f"Failed: {cell.describe()}: {error}")
        reason = str(error) if isinstance(error, SinkdError) else traceback.format_exc()
        return Outcome(status="failed", error=reason, seconds=time.monotonic() - start, config=cell.resolved)
    return Outcome(status="done", result=result, seconds=time.monotonic() - start, config=cell.resolved)
