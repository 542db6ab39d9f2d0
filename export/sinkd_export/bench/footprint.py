"""Loading time and memory of one model, in a process that does nothing else.

``python -m sinkd_export.bench.footprint`` reads a ``Job`` as JSON, and answers with a ``Footprint``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sinkd_export.bench.records import Footprint
from sinkd_plugin.errors import StorageError

if TYPE_CHECKING:
    from sinkd_export.bench.engines import Engine

STATUS = Path("/proc/self/status")
MEGABYTE = 1e6


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to load, and what to run; the fields are those of ``open_engine``, paths as text."""

    model: str
    graph: str | None
    form: str
    provider: str
    threads: int
    new_tokens: int
    generates: bool
    shapes: tuple[tuple[int, int], ...]


def footprint(job: Job) -> Footprint:
    """Load and run a model in a process of its own.

    Raises:
        StorageError: If that process fails, or cannot be started.
    """
    words = [sys.executable, "-m", "sinkd_export.bench.footprint"]
    try:
        done = subprocess.run(words, input=json.dumps(asdict(job)), capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:  # no memory, or no processes left, for another one
        raise _failed(job, str(error)) from error
    if done.returncode != 0:
        raise _failed(job, (done.stderr.strip().splitlines() or ["no message"])[-1])
    return Footprint(**json.loads(done.stdout.splitlines()[-1]))


def _failed(job: Job, why: str) -> StorageError:
    return StorageError(
        "A model must load and run in a process of its own.",
        received=f"'{job.model}': {why}",
        cure="Free memory, or pass --no-memory to leave this out.",
    )


def measure(job: Job) -> Footprint:
    """The footprint of a job in this process; files are in memory and imports done before the load that is timed."""
    if job.graph is None or job.generates:
        import torch

        from sinkd_export.model_folder import load_model

        torch.set_num_threads(job.threads)
        imported: tuple[object, ...] = (torch, load_model)
    else:
        import onnxruntime

        imported = (onnxruntime,)
    before = _resident("VmRSS") if imported else None
    _load(job)  # the first pays for reading the disk
    start = time.perf_counter()
    engine = _load(job)
    load_ms = round((time.perf_counter() - start) * 1e3, 2)
    for batch, length in job.shapes:
        ids = np.ones((batch, length), np.int64)
        engine.compute({"input_ids": ids, "attention_mask": ids, "token_type_ids": np.zeros_like(ids)})
    peak = _resident("VmHWM")
    own = None if peak is None or before is None else round(peak - before, 1)
    return Footprint(load_ms=load_ms, peak_memory_mb=peak, memory_mb=own)


def _load(job: Job) -> Engine:
    from sinkd_export.bench.engines import open_engine

    return open_engine(
        Path(job.model),
        None if job.graph is None else Path(job.graph),
        job.form,
        job.provider,
        threads=job.threads,
        new_tokens=job.new_tokens,
        generates=job.generates,
    )


def _resident(field: str) -> float | None:
    """A line of Linux's status of this process, in megabytes; ``None`` on other systems."""
    if not STATUS.is_file():
        return None
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return round(int(kilobytes) * 1024 / MEGABYTE, 1)


def main() -> None:
    """Answer the job on standard input."""
    job = json.load(sys.stdin)
    found = measure(Job(**{**job, "shapes": tuple(map(tuple, job["shapes"]))}))
    sys.stdout.write(f"{json.dumps(asdict(found))}\n")


if __name__ == "__main__":
    main()
