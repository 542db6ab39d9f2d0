"""Draw how far T sweeps are from a plan that has converged.

Run: python docs/figures/sweeps.py docs/images/sweeps.png
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from batches import example, gradient
from drawing import BLUE, FAINT, GOLD, PALE, panels, save

from sinkd_plugin import SinkhornLoss

SWEEPS = (1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 100, 200, 500)
SCALES = {1.0: PALE, 3.0: BLUE, 8.0: GOLD}


def distances(classes: int, scale: float, sweeps: Sequence[int] = SWEEPS) -> list[float]:
    """Relative distance of the gradient after each number of sweeps from that of the converged plan.

    Args:
        classes: Classes.
        scale: Of the logits.
        sweeps: Values of T.
    """
    student, teacher = example(32, classes, scale)
    losses = [SinkhornLoss(iterations=count) for count in (*sweeps, 5000)]
    *found, converged = (gradient(lambda z, loss=loss: loss(z, teacher), student) for loss in losses)
    return [((each - converged).norm() / converged.norm()).item() for each in found]


def main(target: str) -> None:
    """One panel for each number of classes.

    Args:
        target: Where the PNG goes.
    """
    figure, axes = panels(3, height=2.7)
    for axis, classes in zip(axes, (2, 3, 100), strict=True):
        for scale, colour in SCALES.items():
            errors = [max(error, 1e-6) for error in distances(classes, scale)]
            axis.loglog(SWEEPS, errors, color=colour, label=f"logits ~ N(0, {scale:g}²)")
        axis.axvline(20, color=FAINT, linewidth=0.8, linestyle=":")
        axis.set(title=f"{classes} classes", xlabel="sweeps T", ylim=(1e-6, 4))
    axes[0].set_ylabel("gradient: distance from converged")
    axes[0].text(22, 1.5, "T = 20", color=FAINT, fontsize=8)
    axes[2].legend(loc="upper right", fontsize=8)
    save(figure, target)


if __name__ == "__main__":
    main(sys.argv[1])
