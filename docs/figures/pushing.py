"""Draw which pairs the gradient pulls together and which it pushes apart.

Run: python docs/figures/pushing.py docs/images/pushing.png
"""

from __future__ import annotations

import math
import sys

import torch
from batches import example, gradient
from drawing import BLUE, FAINT, RED, panels, save

from sinkd_plugin import SinkhornLoss
from sinkd_plugin.ot.sinkhorn import sinkhorn_plan

REGULARIZATION = 0.1


def pulls(value: str, sweeps: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """Costs of all pairs, and the derivative of the value by each, in units of the mean mass of a pair.

    Args:
        value: ``"transport"``, <P, D>, or ``"entropic"``, <P, D> - λ h(P).
        sweeps: T.
    """
    rows = [(logits / 2).softmax(-1) for logits in example(32, 3)]
    cost = torch.cdist(*rows, p=1).requires_grad_()
    masses = torch.full((32,), -math.log(32), dtype=torch.float64)
    plan = sinkhorn_plan(cost, masses, masses, regularization=REGULARIZATION, iterations=sweeps)
    total = (plan * cost).sum()
    if value == "entropic":
        total = total + REGULARIZATION * torch.special.xlogy(plan, plan).sum()
    (by_cost,) = torch.autograd.grad(total, cost)
    return cost.detach().flatten(), by_cost.flatten() * cost.numel()


def opposed_rows(value: str) -> float:
    """Share of rows that would raise the value by moving towards the teacher's row that most of their mass goes to.

    Args:
        value: As ``SinkhornLoss`` names it.
    """
    student, teacher = example(64, 3)
    loss = SinkhornLoss(regularization=REGULARIZATION, value=value)
    rows, goals = (student / 2).softmax(-1), (teacher / 2).softmax(-1)
    partners = goals[loss.transport(student, teacher).plan.argmax(dim=-1)]
    slope = (gradient(lambda p: loss(2 * p.log(), teacher), rows) * (partners - rows)).sum(-1)
    return (slope > 0).double().mean().item()


def main(target: str) -> None:
    """One panel for each value.

    Args:
        target: Where the PNG goes.
    """
    figure, axes = panels(2)
    names = {"transport": "⟨P, D⟩, unrolled", "entropic": "⟨P, D⟩ − λ h(P)"}
    for axis, (value, name) in zip(axes, names.items(), strict=True):
        cost, pull = pulls(value)
        apart = pull < 0
        axis.scatter(cost[~apart], pull[~apart], s=4, color=BLUE, linewidth=0)
        axis.scatter(cost[apart], pull[apart], s=4, color=RED, linewidth=0)
        axis.axhline(0, color=FAINT, linewidth=0.8)
        axis.axvline(REGULARIZATION, color=FAINT, linewidth=0.8, linestyle=":")
        axis.set(title=name, xlabel="cost of the pair", xlim=(-0.02, 1), ylim=(-3, 16))
    axes[0].text(0.11, 14.5, "λ", color=FAINT)
    axes[0].set_ylabel("derivative by its cost · n²")
    save(figure, target)


if __name__ == "__main__":
    main(sys.argv[1])
