"""Compute the numbers in docs/loss.md, and write them where they stand.

    python docs/figures/loss_numbers.py

A number that is followed by ``<!--name-->`` in the page is that number; ``docs/loss_numbers.json`` holds them all.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import torch
from batches import example, gradient
from converged import PEAKY, rounds
from gradient_size import ratio, wrong
from pairing import descend, row_distance, shuffled
from pushing import opposed_rows, pulls
from scipy.optimize import linear_sum_assignment
from self_distance import by_groups
from sweeps import distances

from sinkd_plugin import SinkhornLoss
from sinkd_plugin.losses import kl
from sinkd_plugin.losses.gradient_share import GradientShare

PAGE = Path(__file__).parents[1] / "loss.md"
NUMBERS = Path(__file__).parents[1] / "loss_numbers.json"
MARKED = re.compile(r"[\d.]+(?=( %)?<!--([\w-]+)-->)")


def numbers() -> dict[str, float]:
    """All numbers, by name."""
    parts = (
        mass(),
        regularization(),
        sweeps(),
        limit(),
        gradients(),
        shares(),
        bias(),
        pairing(),
        groups(),
        lines(),
        pairings(),
        vocabulary(),
        pushing(),
    )
    return {name: value for part in parts for name, value in part.items()}


def mass() -> dict[str, float]:
    """One batch at both scales."""
    student, teacher = example(32, 3)
    return {
        "mean": SinkhornLoss()(student, teacher).item(),
        "sum": SinkhornLoss(reduction="sum")(student, teacher).item(),
    }


def regularization() -> dict[str, float]:
    """From the best assignment to no choice at all."""
    student, teacher = example(32, 3)
    result = SinkhornLoss().transport(student, teacher)
    rows, columns = linear_sum_assignment(result.cost.numpy())
    return {
        "best-assignment": result.cost.numpy()[rows, columns].mean().item(),
        "mean-cost": result.cost_mean.item(),
        "value-at-1": SinkhornLoss(regularization=1.0)(student, teacher).item(),
    }


def sweeps() -> dict[str, float]:
    """Relative distance of the gradient at T = 20 from the converged one, in percent."""
    student, teacher = example(32, 2, 8.0)
    return {
        "sweeps-2": 100 * distances(2, 3.0, [20])[0],
        "sweeps-2-peaky": 100 * distances(2, 8.0, [20])[0],
        "sweeps-3": 100 * distances(3, 3.0, [20])[0],
        "sweeps-100": 100 * distances(100, 3.0, [20])[0],
        "residual-2-peaky": 100 * SinkhornLoss().transport(student, teacher).marginal_residual.item(),
    }


def limit() -> dict[str, float]:
    """Rounds to a residual of 1e-9 for peaky predictions of 3 classes."""
    hard = SinkhornLoss(regularization=0.01, iterations=2000).transport(*example(32, 3, PEAKY))
    return {
        "steps-sweeps": rounds(0.1, 3, 0, "none")[0],
        "steps-newton": rounds(0.1, 3, 0, "newton")[0],
        "steps-newton-hard": rounds(0.01, 3, 0, "newton")[0],
        "residual-hard": 100 * hard.marginal_residual.item(),
    }


def shares() -> dict[str, float]:
    """The weights at which the Sinkhorn gradient is a tenth of KL's, for a mean and for a sum."""
    found = {}
    for name, rows, reduction in (("share-mean", 64, "mean"), ("share-sum", 64, "sum")):
        student, teacher = example(rows, 3)
        student.requires_grad_()
        term = SinkhornLoss(reduction=reduction)(student, teacher)
        found[name] = GradientShare(0.1)(kl(student, teacher, temperature=2.0), term, student)
    return found


def gradients() -> dict[str, float]:
    """Beside KL."""
    sinkhorn, divergence = wrong(12.0)
    return {
        "ratio-1": ratio(64, 1.0),
        "ratio-2": ratio(64, 2.0),
        "ratio-4": ratio(64, 4.0),
        "ratio-sum-16": ratio(16, 2.0, "sum"),
        "ratio-sum-64": ratio(64, 2.0, "sum"),
        "wrong-sinkhorn": sinkhorn,
        "wrong-kl": divergence,
    }


def bias() -> dict[str, float]:
    """Of the teacher to itself."""
    found = {}
    for classes in (2, 3, 1000):
        _, teacher = example(32, classes)
        found[f"self-{classes}"] = SinkhornLoss()(teacher, teacher).item()
        found[f"self-{classes}-debiased"] = SinkhornLoss(debiased=True)(teacher, teacher).item()
    (_, teacher), (_, other) = example(32, 3), example(32, 3, seed=1)
    here, there = (gradient(lambda z: SinkhornLoss()(z, teacher), rows).norm().item() for rows in (teacher, other))
    return {**found, "self-gradient": 100 * here / there}


def pairing() -> dict[str, float]:
    """Rows in order and shuffled; agreement in percent, over the last 100 steps."""
    student, teacher = example(32, 3)
    other = shuffled(student)
    return {
        "ordered": SinkhornLoss()(student, teacher).item(),
        "shuffled": SinkhornLoss()(other, teacher).item(),
        "ordered-rows": row_distance(student, teacher),
        "shuffled-rows": row_distance(other, teacher),
        "agreement-0": sum(descend(0.0)[-100:]),
        "agreement-2": sum(descend(2.0)[-100:]),
    }


def groups() -> dict[str, float]:
    """The same rows in groups."""
    return {f"group-{size}": by_groups(size) for size in (1, 16, 64, 256)}


def lines() -> dict[str, float]:
    """Eq. 13 and Eq. 20 at two classes: a batch, and one row with its classes swapped."""
    student, teacher = example(32, 2)
    row = torch.tensor([[2.0, -2.0]])
    return {
        "eq13": SinkhornLoss()(student, teacher).item(),
        "eq20": SinkhornLoss(cost="flattened")(student, teacher).item(),
        "eq13-swapped": SinkhornLoss()(row.flip(-1), row).item(),
        "eq20-swapped": SinkhornLoss(cost="flattened")(row.flip(-1), row).item(),
    }


def pairings() -> dict[str, float]:
    """Sample-wise, a teacher's row against itself with its classes in another order, both ways to pair."""
    row = torch.tensor([[4.0, 1.0, -2.0]]).double()
    found = {}
    for pairing in ("consistent", "literal"):
        loss = SinkhornLoss(cost="sample", pairing=pairing, regularization=0.002, iterations=3000)
        found[f"{pairing}-swapped"] = loss(row[:, [1, 0, 2]], row).item()
        found[f"{pairing}-turned"] = loss(row[:, [1, 2, 0]], row).item()
    return found


def vocabulary() -> dict[str, float]:
    """Eq. 20 with as many classes as a vocabulary, mass n."""
    student, teacher = example(4, 50_257, 2.0)
    loss = SinkhornLoss(cost="flattened", reduction="sum")
    blind = SinkhornLoss(cost="flattened", reduction="sum", regularization=1e6, iterations=1)
    left, right = ((logits / 2).softmax(-1).flatten().sort()[0] for logits in (student, teacher))
    return {
        "vocabulary": loss(student, teacher).item(),
        "vocabulary-blind": blind(student, teacher).item(),
        "vocabulary-self": loss(teacher, teacher).item(),
        "vocabulary-exact": (left - right).abs().sum().item(),
    }


def pushing() -> dict[str, float]:
    """Pairs and rows that the gradient pushes apart, in percent."""
    (_, transport), (_, entropic) = pulls("transport"), pulls("entropic", sweeps=2000)
    return {
        "apart": 100 * (transport < 0).double().mean().item(),
        "push": (-100 * transport.clamp(max=0).sum() / transport.clamp(min=0).sum()).item(),
        "apart-entropic": 100 * (entropic < -1e-6).double().mean().item(),
        "opposed": 100 * opposed_rows("transport"),
        "opposed-entropic": 100 * opposed_rows("entropic"),
    }


def written(value: float) -> str:
    """Three significant digits, without an exponent; next to nothing is 0, and a whole number is whole."""
    if abs(value) < 1e-9 or value == int(value):
        return f"{value:.0f}"
    digits = max(0, 2 - int(f"{value:.2e}".split("e")[1]))
    return f"{value:.{digits}f}"


def with_numbers(page: str, known: dict[str, float]) -> str:
    """The page with each marked number as it is known.

    Args:
        page: Markdown.
        known: From ``numbers``.
    """
    return MARKED.sub(lambda match: written(known[match[2]]), page)


if __name__ == "__main__":
    found = numbers()
    NUMBERS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(with_numbers(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
