"""The least time in which the distances between rows could be computed on this core.

Two floors, each measured by a loop that does nothing else: taking ``n · m · d`` differences of numbers that are in
registers or the nearest cache, and reading both matrices once from memory. The greater of the two is the floor.
"""

from __future__ import annotations

import statistics
from typing import Any

import numba
import numpy as np
import torch
from timing import cpu_ms, in_turn, logits, ratio

from sinkd_plugin import use_engine
from sinkd_plugin.ot.distances import distances

_REPEATED = 200_000
_LINE = 512


@numba.njit(fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")
def differences(row: Any, numbers: Any, repeated: int) -> float:
    """``Σ |row_k - x|`` for eight x at a time, over and over: one load for eight differences."""
    a, b, c, d, e, f, g, h = numbers
    total = np.float32(0)
    for _ in range(repeated):
        ta = tb = tc = td = te = tf = tg = th = np.float32(0)
        for k in range(row.size):
            x = row[k]
            ta += abs(x - a)
            tb += abs(x - b)
            tc += abs(x - c)
            td += abs(x - d)
            te += abs(x - e)
            tf += abs(x - f)
            tg += abs(x - g)
            th += abs(x - h)
        total += ta + tb + tc + td + te + tf + tg + th
        a += np.float32(1e-7)  # another number each time, so that nothing is computed once for all
    return total


@numba.njit(fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")
def read(memory: Any) -> float:
    """The sum of numbers that no cache holds."""
    total = np.float32(0)
    for k in range(memory.size):
        total += memory[k]
    return total


def rates() -> dict[str, float]:
    """Differences a second of one core, and numbers that it reads from memory a second; medians of nine."""
    row, numbers = np.random.default_rng(0).random(_LINE, np.float32), tuple(np.float32(k / 8) for k in range(8))
    memory = np.ones(2**27, np.float32)
    differences(row, numbers, 1), read(memory)
    taken = statistics.median(cpu_ms(lambda: differences(row, numbers, _REPEATED)) for _ in range(9))
    crossed = statistics.median(cpu_ms(lambda: read(memory)) for _ in range(9))
    return {
        "differences_per_second": _REPEATED * _LINE * 8 / taken * 1e3,
        "numbers_read_per_second": memory.size / crossed * 1e3,
    }


def over_floor(rows: int, classes: int, rounds: int = 9) -> dict[str, Any]:
    """The forward pass of the distances alone, as a multiple of the floor; and that of ``torch.cdist``."""
    student, teacher = (side.softmax(-1) for side in logits(rows, classes))

    def by(engine: Any) -> torch.Tensor:
        with use_engine(engine), torch.no_grad():
            return distances(student, teacher, 1.0)

    calls = {
        "sinkd": lambda: by("auto"),
        "sinkd-torch": lambda: by("torch"),
        "cdist": lambda: torch.cdist(student, teacher, p=1.0),
    }
    for call in calls.values():
        call()
    raw, speed = in_turn(calls, rounds, 1), rates()
    arithmetic = rows * rows * classes / speed["differences_per_second"] * 1e3
    reading = 2 * rows * classes / speed["numbers_read_per_second"] * 1e3
    floor = max(arithmetic, reading)
    return {
        "rows": rows,
        "classes": classes,
        **speed,
        "arithmetic_ms": arithmetic,
        "reading_ms": reading,
        "cpu_ms": raw,
        "times_the_floor": {name: ratio(times, [floor] * rounds) for name, times in raw.items()},
    }
