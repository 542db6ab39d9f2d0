"""Draw how much of the pairing between rows the loss sees: none, unless it is given a pairing penalty.

Run: python docs/figures/pairing.py docs/images/pairing.png
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from batches import example
from drawing import BLUE, FAINT, GOLD, RED, panels, save

from sinkd_plugin import SinkhornLoss


def shuffled(student: torch.Tensor) -> torch.Tensor:
    """The student's rows in another order."""
    return student[torch.randperm(len(student), generator=torch.Generator().manual_seed(1))]


def row_distance(student: torch.Tensor, teacher: torch.Tensor) -> float:
    """Mean distance of each row to its own teacher row, at τ = 2."""
    return ((student / 2).softmax(-1) - (teacher / 2).softmax(-1)).abs().sum(-1).mean().item()


def descend(penalty: float, steps: int = 300) -> list[float]:
    """Share of rows that agree with their teacher's class, while free logits descend the Sinkhorn term alone.

    Args:
        penalty: γ.
        steps: Of Adam at 0.1.
    """
    _, teacher = example(64, 3)
    student = (0.1 * example(64, 3, seed=5)[1]).requires_grad_()
    optimizer, loss = torch.optim.Adam([student], lr=0.1), SinkhornLoss(pairing_penalty=penalty)
    agreement = []
    for _ in range(steps):
        agreement.append((student.argmax(-1) == teacher.argmax(-1)).double().mean().item())
        optimizer.zero_grad()
        loss(student, teacher).backward()
        optimizer.step()
    return agreement


def main(target: str) -> None:
    """Two panels.

    Args:
        target: Where the PNG goes.
    """
    figure, (left, right) = panels(2)
    student, teacher = example(32, 3)
    penalties = np.linspace(0, 3, 31)
    for rows, colour, name in ((student, BLUE, "as they are"), (shuffled(student), RED, "shuffled")):
        values = [SinkhornLoss(pairing_penalty=float(penalty))(rows, teacher).item() for penalty in penalties]
        left.plot(penalties, values, color=colour, label=f"student's rows {name}")
        left.axhline(row_distance(rows, teacher), color=FAINT, linewidth=0.8, linestyle=":")
    left.set(title="value", xlabel="pairing penalty γ", ylim=(0, 1))
    left.text(0.02, 0.86, "row-wise distance", color=FAINT, fontsize=8)
    left.legend(loc="lower right", fontsize=8)
    for penalty, colour in ((0.0, BLUE), (0.5, GOLD), (2.0, FAINT)):
        right.plot(descend(penalty), color=colour, label=f"γ = {penalty:g}")
    right.set(title="rows with their teacher's class, Sinkhorn term alone", xlabel="Adam step", ylim=(0, 1.02))
    right.legend(loc="lower right", fontsize=8)
    save(figure, target)


if __name__ == "__main__":
    main(sys.argv[1])
