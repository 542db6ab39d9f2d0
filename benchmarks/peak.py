"""The most memory that something takes, beyond what was there when it began; as Linux counts it."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


def peak_of_process(script: str, *words: str) -> float:
    """What a script prints, run in a process of its own: ``peak_mb`` of what its words say."""
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return float(done.stdout.split()[-1])


def peak_mb(call: Callable[[], object]) -> float:
    """Megabytes of resident memory beyond what was resident before."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak of what was before is forgotten
    before = resident_mb("VmHWM")
    call()
    return resident_mb("VmHWM") - before


def resident_mb(field: str) -> float:
    """A line of the kernel's, such as ``VmHWM``."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024
