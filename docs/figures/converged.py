"""Draw what it takes to move all but 1e-9 of the mass to its point: sweeps, and steps of Newton's method.

Run: python docs/figures/converged.py docs/images/converged.png
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from statistics import median

import torch
from batches import example
from drawing import BLUE, FAINT, GOLD, PALE, panels, save

from sinkd_plugin import SinkhornLoss

STRENGTHS = (0.1, 0.07, 0.05, 0.03, 0.02, 0.01)
BATCHES = range(5)
MOST = 10_000
"""Sweeps after which they count as not arrived."""
PEAKY = 8.0


def rounds(strength: float, classes: int, seed: int, acceleration: str, most: int = MOST) -> tuple[int, bool, float]:
    """Rounds to a residual of 1e-9 for 32 rows of peaky predictions, whether it was met, and milliseconds of one core.

    Args:
        strength: λ.
        classes: Classes.
        seed: Of the batch.
        acceleration: ``"none"`` for sweeps, ``"newton"`` for its steps.
        most: Rounds at most.
    """
    student, teacher = example(32, classes, PEAKY, seed)
    loss = SinkhornLoss(regularization=strength, iterations=most, tolerance=1e-9, acceleration=acceleration)
    start = time.process_time()
    result = loss.transport(student, teacher)
    taken = 1000 * (time.process_time() - start)
    assert result.converged is not None  # noqa: S101 - there is a tolerance
    return result.iterations, bool(result.converged), taken


def medians(classes: int, acceleration: str) -> tuple[Sequence[float], Sequence[float], Sequence[bool]]:
    """Over the batches, for each λ: rounds, milliseconds, and whether all of them arrived."""
    found = [[rounds(strength, classes, seed, acceleration) for seed in BATCHES] for strength in STRENGTHS]
    return (
        [median(count for count, _, _ in runs) for runs in found],
        [median(taken for _, _, taken in runs) for runs in found],
        [all(arrived for _, arrived, _ in runs) for runs in found],
    )


def main(target: str) -> None:
    """Rounds on the left, time on the right.

    Args:
        target: Where the PNG goes.
    """
    torch.set_num_threads(1)
    rounds(0.1, 3, 0, "newton")  # loads what the first call loads
    figure, (left, right) = panels(2)
    kinds = ((2, "none", PALE), (3, "none", BLUE), (2, "newton", FAINT), (3, "newton", GOLD))
    for classes, acceleration, colour in kinds:
        counts, taken, arrived = medians(classes, acceleration)
        name = f"{'sweeps' if acceleration == 'none' else 'Newton steps'}, {classes} classes"
        for axis, values in ((left, counts), (right, taken)):
            axis.loglog(STRENGTHS, values, color=colour, label=name)
            faces = [colour if all_of_them else "white" for all_of_them in arrived]
            axis.scatter(STRENGTHS, values, s=16, color=faces, edgecolor=colour, zorder=3)
    left.axhline(MOST, color=FAINT, linewidth=0.8, linestyle=":")
    left.set(title="rounds to a residual of 1e-9", xlabel="λ")
    left.text(0.1, 1.15 * MOST, "given up", color=FAINT, fontsize=8, ha="right")
    right.set(title="milliseconds, one core", xlabel="λ")
    left.legend(loc="lower left", bbox_to_anchor=(0.02, 0.2), fontsize=7)
    for axis in (left, right):
        axis.set_xticks([0.01, 0.02, 0.05, 0.1], ["0.01", "0.02", "0.05", "0.1"])
        axis.minorticks_off()
    save(figure, target)


if __name__ == "__main__":
    main(sys.argv[1])
