"""Draw the Sinkhorn term's gradient at the logits beside that of KL: over temperatures, and for a row that is wrong.

Run: python docs/figures/gradient_size.py docs/images/gradient_size.png
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from batches import example, gradient
from drawing import BLUE, FAINT, GOLD, PALE, panels, save

from sinkd_plugin import SinkhornLoss
from sinkd_plugin.losses import kl


def ratio(rows: int, temperature: float, reduction: str = "mean") -> float:
    """Norm of the Sinkhorn term's gradient over that of KL, both at one temperature.

    Args:
        rows: Rows of the batch.
        temperature: τ.
        reduction: Of the Sinkhorn term; KL is a mean.
    """
    student, teacher = example(rows, 3)
    loss = SinkhornLoss(temperature=temperature, reduction=reduction)
    ours = gradient(lambda z: loss(z, teacher), student)
    theirs = gradient(lambda z: kl(z, teacher, temperature=temperature), student)
    return (ours.norm() / theirs.norm()).item()


def wrong(margin: float) -> tuple[float, float]:
    """Gradient norms of both terms where every row is sure of the same wrong class.

    Args:
        margin: How far the wrong class's logit is above the others.
    """
    student, teacher = torch.tensor([[margin, 0.0, 0.0]] * 4).double(), torch.tensor([[0.0, 40.0, 0.0]] * 4).double()
    ours = gradient(lambda z: SinkhornLoss()(z, teacher), student)
    return ours.norm().item(), gradient(lambda z: kl(z, teacher, temperature=2.0), student).norm().item()


def main(target: str) -> None:
    """Two panels.

    Args:
        target: Where the PNG goes.
    """
    figure, (left, right) = panels(2)
    temperatures = np.linspace(0.5, 8, 31)
    for rows, colour in ((16, PALE), (64, BLUE)):
        left.plot(temperatures, [ratio(rows, float(tau)) for tau in temperatures], color=colour, label=f"{rows} rows")
    left.axhline(1, color=FAINT, linewidth=0.8, linestyle=":")
    left.set(title="Sinkhorn gradient / KL gradient, mass 1", xlabel="τ of both", ylim=(0, None))
    left.legend()
    margins = np.linspace(0, 16, 33)
    ours, theirs = zip(*(wrong(float(margin)) for margin in margins), strict=True)
    right.semilogy(margins, theirs, color=GOLD, label="KL")
    right.semilogy(margins, ours, color=BLUE, label="Sinkhorn")
    right.set(title="student sure of a wrong class", xlabel="its margin in the logits", ylabel="gradient norm")
    right.legend(loc="lower left")
    save(figure, target)


if __name__ == "__main__":
    main(sys.argv[1])
