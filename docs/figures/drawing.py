"""One look for the figures of docs/loss.md."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

INK, FAINT = "#2b3440", "#737e8a"
BLUE, PALE, GOLD, RED = "#31587a", "#8fb3c9", "#b06f17", "#a33b3b"


def panels(count: int, height: float = 2.9) -> tuple[Any, Any]:
    """A figure of ``count`` panels in a row, 1800 pixels wide once saved.

    Args:
        count: Panels.
        height: Inches.
    """
    mpl.rcParams.update(
        {
            "font.size": 9,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": FAINT,
            "axes.titlesize": 10,
            "axes.titleweight": "bold",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "xtick.color": FAINT,
            "ytick.color": FAINT,
            "legend.frameon": False,
        }
    )
    return plt.subplots(1, count, figsize=(9, height), dpi=200, layout="constrained")


def save(figure: Any, target: str) -> None:
    """Write the PNG."""
    figure.savefig(target, dpi=200)
