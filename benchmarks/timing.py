"""How time is taken: CPU time of the process, because other processes share the machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch

Times = dict[str, dict[str, list[float]]]


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


def cpu_ms(call: Callable[[], object], repetitions: int = 1) -> float:
    """Milliseconds of CPU for one call."""
    start = time.process_time()
    for _ in range(repetitions):
        call()
    return (time.process_time() - start) / repetitions * 1e3


def in_turn(calls: Mapping[str, Callable[[], object]], rounds: int, repetitions: int) -> dict[str, list[float]]:
    """Milliseconds of each call in each round; all take turns within a round."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            found[name].append(cpu_ms(call, repetitions))
    return found


def ratio(numerator: list[float], denominator: list[float]) -> dict[str, float]:
    """Median, least and greatest of the ratios within the rounds."""
    ratios = sorted(a / b for a, b in zip(numerator, denominator, strict=True))
    return {"median": statistics.median(ratios), "min": ratios[0], "max": ratios[-1]}
