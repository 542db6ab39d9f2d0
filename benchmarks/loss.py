"""Time, memory and calls of the Sinkhorn loss against plain autograd, POT, geomloss and KL.

Run: PYTHONPATH=<folder with benchmarks/requirements.txt> python benchmarks/loss.py benchmarks/results/loss.json

One thread and CPU time of the process, because other processes share the machine. All methods of a case take turns
within each round, and a ratio is the median over the rounds of ratios within one round. No absolute time means much.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from competitors import methods

# cost, rows, classes, rounds, repetitions within a round
CASES = [
    ("batch", 16, 2, 9, 60),
    ("batch", 32, 2, 9, 60),
    ("batch", 32, 3, 9, 60),
    ("batch", 64, 3, 9, 60),
    ("batch", 256, 3, 7, 10),
    ("batch", 1024, 3, 5, 2),
    ("batch", 4096, 3, 2, 1),
    ("batch", 1024, 2, 5, 2),
    ("batch", 4096, 2, 2, 1),
    ("batch", 32, 50_257, 5, 2),
    ("batch", 64, 50_257, 5, 1),
    ("batch", 256, 50_257, 2, 1),
    ("flattened", 32, 32, 3, 1),
    ("flattened", 64, 64, 1, 1),
]
ALONE = [("batch", 1_000_000, 2, 1, 1), ("flattened", 1000, 1000, 1, 1), ("sample", 32, 50_257, 1, 1)]
"""Where a matrix would not fit into the memory of any machine at hand."""

COMPILED = {("batch", 32, 2), ("batch", 32, 3), ("batch", 64, 3), ("batch", 64, 50_257)}
"""Cases with torch.compile besides, which takes half a minute each."""

MEMORY = [("batch", 1024, 3), ("batch", 4096, 3), ("batch", 1024, 2), ("batch", 4096, 2), ("batch", 64, 50_257)]
VIEWS = {"as_strided", "select", "unbind", "view", "reshape", "t", "transpose", "expand", "detach", "detach_", "slice"}
VIEWS |= {"empty", "empty_like", "empty_strided", "to", "_to_copy", "lift_fresh", "unsqueeze", "squeeze", "permute"}
VIEWS |= {
    "numpy_T",
    "resolve_conj",
    "resolve_neg",
    "_reshape_alias",
    "alias",
    "item",
    "narrow",
    "_unsafe_view",
    "result_type",
}


def logits(rows: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Student and teacher; the scale is that of a confident classifier."""
    student, teacher = 2 * torch.randn(2, rows, classes, generator=torch.Generator().manual_seed(0))
    return student, teacher


def forward(loss: Callable[..., torch.Tensor], student: torch.Tensor, teacher: torch.Tensor) -> None:
    """The value only."""
    with torch.no_grad():
        loss(student, teacher)


def both(loss: Callable[..., torch.Tensor], student: torch.Tensor, teacher: torch.Tensor) -> None:
    """Value and gradient."""
    loss(student.detach().requires_grad_(), teacher).backward()


def cpu_ms(call: Callable[[], None], repetitions: int) -> float:
    """Milliseconds of CPU for one call."""
    start = time.process_time()
    for _ in range(repetitions):
        call()
    return (time.process_time() - start) / repetitions * 1e3


def measure(cost: str, rows: int, classes: int, rounds: int, repetitions: int) -> dict[str, Any]:
    """Raw times of every method in every round, and their ratios."""
    student, teacher = logits(rows, classes)
    losses = methods(cost)
    if (cost, rows, classes) in COMPILED:
        losses["sinkd-compiled"] = torch.compile(losses["sinkd"], dynamic=False)
        both(losses["sinkd-compiled"], student, teacher)
        forward(losses["sinkd-compiled"], student, teacher)
    if rounds > 1:
        for loss in losses.values():
            both(loss, student, teacher)
    raw: dict[str, dict[str, list[float]]] = {name: {"forward": [], "both": []} for name in losses}
    for _ in range(rounds):
        for name, loss in losses.items():
            raw[name]["forward"].append(cpu_ms(lambda loss=loss: forward(loss, student, teacher), repetitions))
            raw[name]["both"].append(cpu_ms(lambda loss=loss: both(loss, student, teacher), repetitions))
    case = {"cost": cost, "rows": rows, "classes": classes, "cpu_ms": raw, "ratio_plain_over": {}}
    for name in losses if "plain" in losses else ():
        case["ratio_plain_over"][name] = {kind: ratio(raw["plain"][kind], raw[name][kind]) for kind in raw[name]}
    return case


def ratio(numerator: list[float], denominator: list[float]) -> dict[str, float]:
    """Median, least and greatest of the ratios within the rounds."""
    ratios = sorted(a / b for a, b in zip(numerator, denominator, strict=True))
    return {"median": statistics.median(ratios), "min": ratios[0], "max": ratios[-1]}


def peak_mb(cost: str, rows: int, classes: int, method: str) -> float:
    """Memory that value and gradient need beyond the logits, at the peak, in a process of their own."""
    arguments = [sys.executable, __file__, "--peak", cost, str(rows), str(classes), method]
    return float(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)


def print_peak(cost: str, rows: str, classes: str, method: str) -> None:
    """The child's part of ``peak_mb``."""
    student, teacher = logits(int(rows), int(classes))
    loss = methods(cost)[method]
    both(loss, student[:520, :8], teacher[:520, :8])  # code is loaded before it is measured what is computed with it
    Path("/proc/self/clear_refs").write_text("5")  # the import's own peak is forgotten
    before = resident_mb("VmHWM")
    both(loss, student, teacher)
    print(resident_mb("VmHWM") - before)


def resident_mb(field: str) -> float:
    """Resident memory of this process, as Linux counts it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def calls(method: str, rows: int = 32, classes: int = 3) -> int:
    """Operations of one value and gradient that an accelerator would launch a kernel for."""
    student, teacher = logits(rows, classes)
    loss = methods("batch")[method]
    both(loss, student, teacher)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        both(loss, student, teacher)
    operations = [event for event in profile.events() if event.name.startswith("aten::")]
    work = [event for event in operations if event.name.removeprefix("aten::") not in VIEWS]
    inner = {id(child) for event in work for child in event.cpu_children}
    return sum(id(event) not in inner for event in work)


def environment() -> dict[str, Any]:
    """What the numbers depend on."""
    packages = {}
    for name in ("torch", "pot", "geomloss"):
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


def main(target: str) -> None:
    """Measure every case and write the raw numbers."""
    result: dict[str, Any] = {"environment": environment(), "cases": [], "peak_mb": [], "calls": {}}
    for case in CASES:
        result["cases"].append(measure(*case))
        report(result["cases"][-1])
    for cost, rows, classes, *_ in ALONE:
        student, teacher = logits(rows, classes)
        spent = cpu_ms(lambda: both(methods(cost)["sinkd"], student, teacher), 1)  # noqa: B023
        result["cases"].append({"cost": cost, "rows": rows, "classes": classes, "cpu_ms": {"sinkd": {"both": [spent]}}})
        print(f"{cost} {rows}x{classes}: {spent:.0f} ms", flush=True)
    for cost, rows, classes in MEMORY:
        peaks = {name: peak_mb(cost, rows, classes, name) for name in methods(cost)}
        result["peak_mb"].append({"cost": cost, "rows": rows, "classes": classes, "peak_mb": peaks})
        print(f"{cost} {rows}x{classes} MB: {peaks}", flush=True)
    result["calls"] = {name: calls(name) for name in methods("batch")}
    print("calls", result["calls"])
    Path(target).write_text(json.dumps(result, indent=1) + "\n")


def report(case: dict[str, Any]) -> None:
    """One line for people."""
    ratios = {name: f"{kinds['both']['median']:.2f}" for name, kinds in case["ratio_plain_over"].items()}
    print(f"{case['cost']} {case['rows']}x{case['classes']}: {ratios}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1] == "--peak":
        print_peak(*sys.argv[2:])
    else:
        main(sys.argv[1])
