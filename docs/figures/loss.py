"""Draw what the loss sees in one small batch: predictions, cost matrix, plan and value.

Run: python docs/figures/loss.py docs/images/loss.png
"""

from __future__ import annotations

import sys
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import FancyArrowPatch

from sinkd_plugin import SinkhornLoss
from sinkd_plugin.ot.result import TransportResult

INK, FAINT = "#2b3440", "#737e8a"
CLASSES = ("#31587a", "#8fb3c9", "#e0b872")
COST = LinearSegmentedColormap.from_list("cost", ["#f6f8fa", "#c3ccd6", "#4f5d6c"])
PLAN = LinearSegmentedColormap.from_list("plan", ["#faf7f2", "#efcf9d", "#b06f17"])

TEACHER = torch.tensor([[4.0, 0.0, -1.0], [3.0, 2.0, -1.0], [-1.0, 4.0, 0.5], [0.0, 1.0, 3.5], [-1.0, 0.0, 5.0]])
STUDENT = torch.tensor([[1.0, 0.0, 2.5], [3.5, 0.5, -1.0], [2.0, 1.5, 0.0], [-0.5, 2.5, 0.5], [0.0, 0.0, 3.0]])

COST_MIDDLE, PLAN_MIDDLE = 0.3425, 0.7775
WIDTH = 0.335


def main(target: str) -> None:
    """Compute, draw and save.

    Args:
        target: Where the PNG goes; 1800 pixels wide, to be shown at 900.
    """
    loss = SinkhornLoss()
    result = loss.transport(STUDENT, TEACHER)
    student, teacher = ((logits / loss.options.temperature).softmax(-1).numpy() for logits in (STUDENT, TEACHER))
    mpl.rcParams.update({"font.size": 9, "text.color": INK})
    figure = plt.figure(figsize=(9, 4.6), dpi=200, facecolor="white")
    draw_predictions(figure, student, teacher)
    draw_matrix(figure.add_axes((COST_MIDDLE - WIDTH / 2, 0.13, WIDTH, 0.6)), result.cost.numpy(), COST, 0, 2, "{:.2f}")
    draw_matrix(
        figure.add_axes((PLAN_MIDDLE - WIDTH / 2, 0.13, WIDTH, 0.6)), result.plan.numpy(), PLAN, 0, 0.2, "{:.3f}"
    )
    draw_words(figure, result)
    figure.savefig(target, dpi=200)


def draw_predictions(figure: Any, student: np.ndarray, teacher: np.ndarray) -> None:
    """Bars of the student beside the rows of the cost, of the teacher above its columns, split by class."""
    beside = figure.add_axes((0.06, 0.13, 0.105, 0.6))
    above = figure.add_axes((COST_MIDDLE - WIDTH / 2, 0.745, WIDTH, 0.115))
    again = figure.add_axes((PLAN_MIDDLE - WIDTH / 2, 0.745, WIDTH, 0.115))
    stack(beside.barh, student, "left")
    for axes in (above, again):
        stack(axes.bar, teacher, "bottom")
        axes.set(xlim=(-0.5, len(teacher) - 0.5), ylim=(0, 1))
    beside.set(ylim=(len(student) - 0.5, -0.5), xlim=(0, 1))
    for axes in (beside, above, again):
        axes.axis("off")


def stack(bar: Any, rows: np.ndarray, start: str) -> None:
    """Stacked bars, one for each row."""
    offsets = np.cumsum(rows, axis=1) - rows
    for column, colour in enumerate(CLASSES):
        bar(range(len(rows)), rows[:, column], 0.8, **{start: offsets[:, column]}, color=colour, linewidth=0)


def draw_matrix(axes: Any, matrix: np.ndarray, colours: Any, low: float, high: float, form: str) -> None:
    """A heat map with its numbers."""
    axes.imshow(matrix, cmap=colours, vmin=low, vmax=high, aspect="auto")
    for (i, j), entry in np.ndenumerate(matrix):
        axes.text(j, i, form.format(entry), ha="center", va="center", color=ink_on((entry - low) / (high - low)))
    axes.set_xticks(np.arange(matrix.shape[1] + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(matrix.shape[0] + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
    axes.spines[:].set_visible(False)


def ink_on(share: float) -> str:
    """A readable colour on a cell: white on dark ones, faint where there is next to nothing."""
    if share > 0.75:
        return "white"
    return INK if share > 0.01 else FAINT


def draw_words(figure: Any, result: TransportResult) -> None:
    """Titles, labels of both sides, the classes, and the value below."""
    value, mean = result.value.item(), result.cost_mean.item()
    centred: dict[str, Any] = {"ha": "center", "va": "center"}
    for middle, title in ((COST_MIDDLE, "Cost  $D_{ij}=\\|s_i-t_j\\|_1$"), (PLAN_MIDDLE, "Plan  $P$")):
        figure.text(middle, 0.955, title, fontsize=11, fontweight="bold", **centred)
        figure.text(middle, 0.895, "teacher  $t_1\\ …\\ t_5$", color=FAINT, **centred)
    figure.text(0.035, 0.435, "student  $s_1\\ …\\ s_5$", rotation=90, color=FAINT, **centred)
    figure.text(0.5575, 0.475, "20 Sinkhorn\nsweeps\n$\\lambda=0.1$", color=FAINT, **centred)
    arrow = FancyArrowPatch(
        (0.522, 0.375), (0.593, 0.375), arrowstyle="-|>", mutation_scale=9, color=FAINT, linewidth=1.2
    )
    figure.add_artist(arrow)
    figure.text(COST_MIDDLE, 0.07, f"mean of all pairs: {mean:.3f}", color=FAINT, **centred)
    loss = f"loss  $=\\ \\langle P, D\\rangle\\ =\\ {value:.3f}$"
    figure.text(PLAN_MIDDLE, 0.07, loss, fontsize=11, fontweight="bold", **centred)
    for number, colour in enumerate(CLASSES):
        figure.text(0.066, 0.85 - 0.04 * number, "■", color=colour, **centred)
        figure.text(0.08, 0.85 - 0.04 * number, f"class {number + 1}", color=FAINT, ha="left", va="center")


if __name__ == "__main__":
    main(sys.argv[1])
