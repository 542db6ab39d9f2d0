"""Gradient caching beside plain accumulation: the memory of any group in that of a micro-batch, and its time.

Run by ``training.py``; memory as ``python benchmarks/trainer_groups.py GROUP``, each in a process of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from peak import peak_mb, peak_of_process
from timing import in_turn, ratio
from trainers import CLASSES, batches, bert, ours, train

MICRO_BATCH = 16
GROUPS = (64, 256, 1024, 4096)


def groups(rounds: int = 3) -> dict[str, Any]:
    """Memory by size of the group, and CPU time of a step of 128 over that of plain accumulation."""
    calls = {scope: call(4, 256, 64, 128, scope) for scope in ("local", "global")}
    for each in calls.values():
        each()
    raw = in_turn(calls, rounds, 1)
    return {
        "micro_batch": MICRO_BATCH,
        "time": {
            "model": "BERT-L4-H256, 64 tokens, group 128, a teacher that has spoken",
            "cpu_ms_of_step": raw,
            "over_plain_accumulation": ratio(raw["global"], raw["local"]),
        },
        "memory": {
            "model": "BERT-L2-H128, 32 tokens, a teacher that has spoken, the Sinkhorn term on",
            "peak_mb": {str(size): peak_of_process(__file__, str(size)) for size in GROUPS},
        },
    }


def call(layers: int, hidden: int, tokens: int, group: int, scope: str) -> Callable[[], None]:
    """One step of a group of micro-batches; the teacher costs nothing, so that the student's cost shows."""
    student, micro_batches = bert(layers, hidden, seed=1), group // MICRO_BATCH
    distiller = ours(
        bert(1, 32, seed=0), student, sinkd={"weight": 0.8}, scope=scope, gradient_accumulation_steps=micro_batches
    )
    draw = torch.Generator().manual_seed(0)
    said = [2 * torch.randn(MICRO_BATCH, CLASSES, generator=draw) for _ in range(micro_batches)]
    loader = list(zip(batches(micro_batches, MICRO_BATCH, tokens), said, strict=True))
    return partial(train, distiller, student, loader, batch_postprocessor=_spoken)


def _spoken(batch: Any) -> dict[str, Any]:
    return {"teacher": {}, "student": batch[0], "teacher_cache": {"logits": batch[1]}}


if __name__ == "__main__":
    torch.set_num_threads(1)
    call(2, 128, 32, MICRO_BATCH, "local")()  # gradients, and the optimiser's state, are there for any group
    print(peak_mb(call(2, 128, 32, int(sys.argv[1]), "global")))
