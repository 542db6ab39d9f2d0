"""What a person sees of a training, and what the journal keeps: terms, pace, memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from sinkd_plugin.console import progress
from sinkd_plugin.specs import Observer
from sinkd_plugin.training.journal import Journal

_TERM = "unweighted_"


@contextmanager
def watched(
    what: str, losses: int, *, examples: float, device: torch.device, journal: Journal | None = None, name: str = ""
) -> Iterator[Observer]:
    """An observer that moves a progress bar, and passes everything on with pace and memory.

    Args:
        what: Description for the progress bar.
        losses: How many losses will be computed.
        examples: Examples behind one of them, on average.
        device: Where the models compute.
        journal: Gets ``step``, the terms, ``examples_per_second`` and ``peak_memory_bytes``.
        name: The student's name in the journal.
    """
    started = time.monotonic()
    first: list[int] = []
    with progress(what, losses) as meter:

        def observe(step: int, terms: Mapping[str, float]) -> None:
            if not first:
                first.append(step)
                meter.reach(step)
                if journal is not None:
                    journal.cut(name, step)
            pace = examples * (step + 1 - first[0]) / max(time.monotonic() - started, 1e-9)
            if journal is not None:
                memory = peak_memory(device)
                journal.write(student=name, step=step, **terms, examples_per_second=pace, peak_memory_bytes=memory)
            meter.advance(**_shown(terms), examples_per_second=pace)

        yield observe


def _shown(terms: Mapping[str, float]) -> dict[str, float]:
    """The total, and each term by its short name."""
    parts = {name.removeprefix(_TERM).removesuffix("_loss"): value for name, value in terms.items() if _TERM in name}
    return {"loss": terms["total_loss"], **parts}


def peak_memory(device: torch.device) -> int:
    """The most bytes in use so far: by torch on a GPU, by the whole process on the CPU."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if sys.platform == "win32":
        return 0  # it does not tell
    import resource  # which exists everywhere else

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else 1024 * peak)
