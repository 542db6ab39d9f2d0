"""Draw what λ does to the plan, the value and the gradient.

Run: python docs/figures/lambda.py docs/images/lambda.png
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from batches import example, gradient
from drawing import BLUE, FAINT, GOLD, panels, save

from sinkd_plugin import SinkhornLoss

SHOWN = (0.01, 0.1, 1.0)


def main(target: str) -> None:
    """Three plans, and the value between its two limits.

    Args:
        target: Where the PNG goes.
    """
    student, teacher = example(32, 3)
    figure, axes = panels(4, height=2.5)
    order = teacher[:, 0].argsort()
    for axis, regularization in zip(axes, SHOWN, strict=False):
        plan = SinkhornLoss(regularization=regularization).transport(student[order], teacher[order]).plan
        axis.imshow(plan.numpy(), cmap="Blues", vmin=0, vmax=1 / 32)
        axis.set(title=f"plan, λ = {regularization:g}", xticks=[], yticks=[], xlabel="teacher rows")
    axes[0].set_ylabel("student rows")
    draw_values(axes[3], student, teacher)
    save(figure, target)


def draw_values(axis: Any, student: torch.Tensor, teacher: torch.Tensor) -> None:
    """Value and gradient against λ."""
    grid = np.logspace(-3, 1, 33)
    losses = [SinkhornLoss(regularization=float(regularization)) for regularization in grid]
    axis.semilogx(grid, [loss(student, teacher).item() for loss in losses], color=BLUE)
    norms = [10 * gradient(lambda z, loss=loss: loss(z, teacher), student).norm().item() for loss in losses]
    axis.semilogx(grid, norms, color=GOLD)
    axis.axhline(losses[0].transport(student, teacher).cost_mean.item(), color=FAINT, linewidth=0.8, linestyle=":")
    axis.text(3e-3, 0.91, "mean of all pairs", color=FAINT, fontsize=8)
    axis.text(1.1, 0.62, "value", color=BLUE, fontsize=8)
    axis.text(1.5e-2, 0.03, "10 · gradient norm", color=GOLD, fontsize=8)
    axis.set(title="20 sweeps", xlabel="λ", ylim=(0, 1.02))


if __name__ == "__main__":
    main(sys.argv[1])
