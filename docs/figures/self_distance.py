"""Draw what the loss says of a student that equals its teacher, and of groups of different size.

Run: python docs/figures/self_distance.py docs/images/self_distance.png
"""

from __future__ import annotations

import sys

import torch
from batches import example
from drawing import BLUE, FAINT, GOLD, panels, save

from sinkd_plugin import SinkhornLoss

CLASSES = (2, 3, 5, 10, 30, 100, 300, 1000)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def by_groups(size: int, *, debiased: bool = False) -> float:
    """Mean value over the same 256 rows, taken ``size`` at a time.

    Args:
        size: Rows of a group.
        debiased: Whether self-distances are subtracted.
    """
    student, teacher = example(256, 3)
    loss = SinkhornLoss(debiased=debiased)
    groups = zip(student.split(size), teacher.split(size), strict=True)
    return torch.stack([loss(*group) for group in groups]).mean().item()


def main(target: str) -> None:
    """Two panels.

    Args:
        target: Where the PNG goes.
    """
    figure, (left, right) = panels(2)
    batches = {classes: example(32, classes)[1] for classes in CLASSES}
    strangers = {classes: example(32, classes, seed=1)[1] for classes in CLASSES}
    loss, debiased = SinkhornLoss(), SinkhornLoss(debiased=True)
    left.loglog(CLASSES, [loss(strangers[d], batches[d]).item() for d in CLASSES], color=FAINT)
    left.loglog(CLASSES, [loss(batches[d], batches[d]).item() for d in CLASSES], color=BLUE)
    left.set(title="distance of the teacher to…", xlabel="classes", ylim=(1e-5, 4))
    left.text(2.2, 1.6e-5, f"itself, debiased: {debiased(batches[2], batches[2]).item():g}", color=GOLD, fontsize=8)
    left.text(20, 0.35, "other rows of its kind", color=FAINT, fontsize=8)
    left.text(40, 3.5e-4, "itself", color=BLUE, fontsize=8)
    right.semilogx(SIZES, [by_groups(size) for size in SIZES], "o-", color=BLUE, markersize=3, label="as it is")
    unbiased = [by_groups(size, debiased=True) for size in SIZES]
    right.semilogx(SIZES, unbiased, "o-", color=GOLD, markersize=3, label="debiased")
    right.set(title="one set of 256 rows, in groups", xlabel="rows of a group", ylim=(0, None))
    right.legend(fontsize=8)
    save(figure, target)


if __name__ == "__main__":
    main(sys.argv[1])
