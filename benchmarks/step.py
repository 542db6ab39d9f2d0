"""What share of a student's training step the loss is: BERT, 6 layers, 384 dimensions; 32 examples of 64 tokens."""

from __future__ import annotations

from typing import Any

import torch
from competitors import methods
from timing import both, in_turn, logits, ratio
from trainers import CLASSES, VOCABULARY, bert

ROWS, TOKENS = 32, 64


def share_of_step(rounds: int = 7) -> dict[str, Any]:
    """The loss, and KL, over forward and backward of the model (no optimiser), in turn."""
    model = bert(6, 384, seed=0)
    tokens = torch.randint(0, VOCABULARY, (ROWS, TOKENS))

    def step() -> None:
        model.zero_grad()
        model(input_ids=tokens).logits.sum().backward()

    student, teacher = logits(ROWS, CLASSES)
    losses = {
        name: loss for name, loss in methods("batch").items() if name in ("sinkd", "sinkd-torch", "plain", "kl_div")
    }
    calls = {"step": step, **{name: _hundred(loss, student, teacher) for name, loss in losses.items()}}
    for call in calls.values():
        call()
    raw = in_turn(calls, rounds, 1)
    hundred = {name: [100 * ms for ms in raw["step"]] for name in losses}
    shares = {name: ratio(raw[name], hundred[name]) for name in losses}
    return {"rows": ROWS, "tokens": TOKENS, "cpu_ms_of_hundred": raw, "share_of_step": shares}


def _hundred(loss: Any, student: torch.Tensor, teacher: torch.Tensor) -> Any:
    def call() -> None:
        for _ in range(100):
            both(loss, student, teacher)

    return call
