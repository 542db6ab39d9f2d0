"""Time, memory and launches of the Sinkhorn loss against plain autograd, POT, geomloss and KL.

Run: PYTHONPATH=<folder with benchmarks/requirements.txt> python benchmarks/loss.py benchmarks/results/loss.json [PART…]

One thread and CPU time of the process, because other processes share the machine. All methods of a case take turns
within each round, and a ratio is the median over the rounds of ratios within one round. No absolute time means much.
With names of parts (cases, scaling, floor, step, memory, launches), only these are measured, and the others kept.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from competitors import methods, ours
from floor import over_floor
from launches import launches
from memory import peak_of
from step import share_of_step
from timing import both, forward, in_turn, logits, ratio

# cost, rows, classes, rounds, repetitions within a round
CASES = [
    ("batch", 16, 2, 15, 60),
    ("batch", 32, 2, 15, 60),
    ("batch", 32, 3, 15, 60),
    ("batch", 64, 3, 15, 60),
    ("batch", 256, 3, 9, 10),
    ("batch", 1024, 3, 7, 2),
    ("batch", 4096, 3, 3, 1),
    ("batch", 1024, 2, 7, 2),
    ("batch", 4096, 2, 3, 1),
    ("batch", 32, 50_257, 9, 2),
    ("batch", 64, 50_257, 9, 1),
    ("batch", 256, 50_257, 3, 1),
    ("flattened", 32, 32, 5, 1),
    ("flattened", 64, 64, 2, 1),
]
COMPILED = {("batch", 32, 2), ("batch", 32, 3), ("batch", 64, 3), ("batch", 32, 50_257), ("batch", 64, 50_257)}
"""Cases with torch.compile besides, with either engine, which takes half a minute each."""

SCALING = [
    *[("flattened", 10**power, 10, 5) for power in (2, 3, 4, 5)],
    ("batch", 1_000, 2, 5),
    ("batch", 10_000, 2, 5),
    ("batch", 100_000, 2, 5),
    ("batch", 1_000_000, 2, 5),
    ("sample", 32, 50_257, 5),
]
"""Where a matrix would soon not fit into any memory: alone, and how time grows with the number of points."""

FLOORS = [(32, 50_257), (64, 50_257), (256, 50_257)]
MEMORY = [("batch", 1024, 3), ("batch", 4096, 3), ("batch", 1024, 2), ("batch", 4096, 2)]
MEMORY += [("batch", rows, 50_257) for rows in (32, 64, 256)]


def measure(cost: str, rows: int, classes: int, rounds: int, repetitions: int) -> dict[str, Any]:
    """Raw times of every method in every round, and their ratios."""
    student, teacher = logits(rows, classes)
    losses = methods(cost)
    torch.compiler.reset()  # or the compiler would give up after the shapes of some cases
    if (cost, rows, classes) in COMPILED:
        losses["sinkd-compiled"] = ours(cost, "auto", compiled=True)
        losses["sinkd-torch-compiled"] = ours(cost, "torch", compiled=True)
    calls: dict[str, Callable[[], None]] = {}
    for name, loss in losses.items():
        calls[f"{name} forward"] = lambda loss=loss: forward(loss, student, teacher)
        calls[f"{name} both"] = lambda loss=loss: both(loss, student, teacher)
    for call in calls.values():
        call()
    taken = in_turn(calls, rounds, repetitions)
    raw = {name: {kind: taken[f"{name} {kind}"] for kind in ("forward", "both")} for name in losses}
    case = {"cost": cost, "rows": rows, "classes": classes, "cpu_ms": raw}
    case["ratio_plain_over"] = {
        name: {kind: ratio(raw["plain"][kind], raw[name][kind]) for kind in raw[name]} for name in losses
    }
    shown = {name: f"{found['both']['median']:.2f}" for name, found in case["ratio_plain_over"].items()}
    print(cost, rows, classes, shown, flush=True)
    return case


def scale(cost: str, rows: int, classes: int, rounds: int) -> dict[str, Any]:
    """Raw times of value and gradient, of this loss alone, on either engine."""
    student, teacher = logits(rows, classes)
    losses = {name: loss for name, loss in methods(cost).items() if name in ("sinkd", "sinkd-torch")}
    calls = {name: (lambda loss=loss: both(loss, student, teacher)) for name, loss in losses.items()}
    for call in calls.values():
        call()
    found = {"cost": cost, "rows": rows, "classes": classes, "cpu_ms": in_turn(calls, rounds, 1)}
    print(cost, rows, classes, {name: f"{min(times):.0f} ms" for name, times in found["cpu_ms"].items()}, flush=True)
    return found


def memory(cost: str, rows: int, classes: int) -> dict[str, Any]:
    """Peaks of every method."""
    peaks = {name: peak_of(cost, rows, classes, name) for name in methods(cost)}
    print(cost, rows, classes, {name: f"{peak:.1f} MB" for name, peak in peaks.items()}, flush=True)
    return {"cost": cost, "rows": rows, "classes": classes, "peak_mb": peaks}


def first_call_ms() -> float:
    """Milliseconds of CPU until the first value is there, with all loops compiled before and kept on disk."""
    program = "import time, torch; from sinkd_plugin import SinkhornLoss; loss = SinkhornLoss(); x = torch.eye(8)\n"
    program += "start = time.process_time(); loss(x.requires_grad_(), x).backward(); print(time.process_time() - start)"
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in range(3)
    ]
    return float(runs[-1].stdout) * 1e3


PARTS: dict[str, Callable[[], Any]] = {
    "cases": lambda: [measure(*case) for case in CASES],
    "scaling": lambda: [scale(*case) for case in SCALING],
    "floor": lambda: [over_floor(*case) for case in FLOORS],
    "step": share_of_step,
    "memory": lambda: [memory(*case) for case in MEMORY],
    "launches": lambda: {name: launches(name) for name in methods("batch") if name != "sinkd"},
    "first_call_ms": first_call_ms,
}


def environment() -> dict[str, Any]:
    """What the numbers depend on."""
    packages = {}
    for name in ("torch", "numba", "numpy", "pot", "geomloss"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = None
    cpu = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    return {
        "python": platform.python_version(),
        "packages": packages,
        "cpu": cpu[0] if cpu else platform.processor(),
        "cores": len(cpu),
        "threads": 1,
        "commit": commit,
        "clock": "CPU time of the process; other processes ran on the same cores",
    }


def main(target: Path, *parts: str) -> None:
    """Measure, and write the raw numbers."""
    result = json.loads(target.read_text()) if parts and target.exists() else {}
    result["environment"] = environment()
    for part in parts or PARTS:
        result[part] = PARTS[part]()
        target.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), *sys.argv[2:])
