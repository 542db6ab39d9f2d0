"""A training step beside stock TextBrewer's: BERT, 6 layers, 384 dimensions; 32 examples of 64 tokens.

Run by ``training.py``; memory as ``python benchmarks/trainer_step.py TRAINER``, each in a process of its own.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from peak import peak_mb, peak_of_process
from timing import cpu_ms, in_turn, ratio
from trainers import CLASSES, batches, bert, ours, stock, train

ROWS, TOKENS, STEPS = 32, 64, 2
TRAINERS: dict[str, Callable[..., Any]] = {
    "textbrewer": stock,
    "sinkd": ours,
    "sinkd with the term": partial(ours, sinkd={"weight": 0.8}),
}


def steps(rounds: int = 5) -> dict[str, Any]:
    """CPU time of a step by each trainer, in turn; what the term takes of a step; memory at the peak."""
    calls = {name: call(name) for name in TRAINERS}
    for each in calls.values():
        each()
    raw = in_turn(calls, rounds, 1)
    per_step = {name: [ms / STEPS for ms in times] for name, times in raw.items()}
    term = term_ms()
    return {
        "model": "BERT-L6-H384 (teacher and student)",
        "rows": ROWS,
        "tokens": TOKENS,
        "steps_a_call": STEPS,
        "cpu_ms_of_step": per_step,
        "over_textbrewer": ratio(per_step["sinkd"], per_step["textbrewer"]),
        "loss_cpu_ms": term,
        "term_over_step": (term["with"] - term["without"]) / statistics.median(per_step["sinkd"]),
    }


def memory() -> dict[str, Any]:
    """Memory at the peak of the same steps, gradients and the optimiser's state included."""
    return {"peak_mb": {name: peak_of_process(__file__, name) for name in TRAINERS}}


def call(name: str, layers: int = 6, hidden: int = 384) -> Callable[[], None]:
    """Some steps by a trainer, on models of its own with the same weights."""
    teacher, student = bert(layers, hidden, seed=0), bert(layers, hidden, seed=1)
    distiller, loader = TRAINERS[name](teacher, student), batches(STEPS, ROWS, TOKENS)
    return lambda: train(distiller, student, loader)


def term_ms(repetitions: int = 200) -> dict[str, float]:
    """CPU time of the whole loss and its gradient at the logits, with and without the term: median of nine."""
    model = bert(1, 32, seed=0)
    found: dict[str, list[float]] = {"without": [], "with": []}
    losses = {"without": ours(model, model), "with": ours(model, model, sinkd={"weight": 0.8})}
    teacher = {"logits": [2 * torch.randn(ROWS, CLASSES)]}
    for _ in range(10):
        for name, distiller in losses.items():

            def loss(distiller: Any = distiller) -> None:
                logits = torch.randn(ROWS, CLASSES, requires_grad=True)
                student = {"logits": [logits], "losses": [logits.logsumexp(-1).mean()]}
                distiller.compute_loss(student, teacher)[0].backward()

            found[name].append(cpu_ms(loss, repetitions))
    return {name: statistics.median(times[1:]) for name, times in found.items()}  # the first one compiles


if __name__ == "__main__":
    torch.set_num_threads(1)
    call(sys.argv[1], layers=1, hidden=32)()  # code is loaded, and compiled, before it is measured what it takes
    run = call(sys.argv[1])
    print(peak_mb(run))
