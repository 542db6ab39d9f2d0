"""The memory that a value and its gradient need, each in a process of its own.

Run by ``loss.py`` as ``python benchmarks/memory.py COST ROWS CLASSES METHOD``.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import torch
from competitors import methods
from timing import both, logits


def peak_mb(cost: str, rows: int, classes: int, method: str) -> float:
    """Megabytes of resident memory beyond the logits, at the peak."""
    arguments = [sys.executable, __file__, cost, str(rows), str(classes), method]
    return float(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)


def main(cost: str, rows: str, classes: str, method: str) -> None:
    """Measure in this process."""
    student, teacher = logits(int(rows), int(classes))
    loss = methods(cost)[method]
    # Code is loaded, and compiled, before it is measured what is computed with it: on few rows of as many classes.
    few = slice(0, 520 if student.shape[1] < 64 else 8)
    both(loss, student[few], teacher[few])
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak of what was before is forgotten
    before = _resident_mb("VmHWM")
    both(loss, student, teacher)
    print(_resident_mb("VmHWM") - before)


def _resident_mb(field: str) -> float:
    """As Linux counts it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
