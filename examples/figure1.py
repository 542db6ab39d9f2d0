"""What each divergence makes of a student that is too small for its teacher: the question of the paper's Figure 1.

Run: python examples/figure1.py figure1.png

The teacher's predictions have two modes, the greater one moving with the input; the student can only place one bump,
whose centre is a linear function of the input. Each loss is minimised from the same nine starts, and the best end is
drawn for one input, with three numbers over all inputs: the mass that the student puts between the modes, where the
teacher has next to none (averaging); its mass at the lesser mode against the teacher's (collapsing); and the teacher's
mass where the student has less than a tenth of it (underestimation). See SinKD, arXiv 2402.17110, Figure 1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import torch
from matplotlib.figure import Figure

from sinkd_plugin import SinkhornLoss
from sinkd_plugin.losses import js, kl, reverse_kl, tvd

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
LOSSES: dict[str, Loss] = {
    "KL": kl,
    "reverse KL": reverse_kl,
    "JS": js,
    "TVD": tvd,
    "Sinkhorn": SinkhornLoss(temperature=1.0),
    "KL + Sinkhorn": lambda student, teacher: (
        kl(student, teacher) + 0.8 * SinkhornLoss(temperature=1.0)(student, teacher)
    ),
}
CLASSES = torch.linspace(-4, 4, 81)
INPUTS = torch.linspace(-1, 1, 32)
DRAWN = 24
"""The input whose predictions are drawn."""

GREATER, LESSER, WIDTH = 0.65, 0.35, 0.45
STEPS = 400


class Failure(NamedTuple):
    """What went wrong with a fit, each between 0 and 1."""

    between: float
    lesser_mode: float
    missed: float


def centres() -> tuple[torch.Tensor, torch.Tensor]:
    """Of the teacher's two modes, ``(inputs,)`` each; the lesser one moves against the greater."""
    return 1.8 + 0.6 * INPUTS, -1.8 - 0.6 * INPUTS


def bump(centre: torch.Tensor, width: torch.Tensor | float) -> torch.Tensor:
    """Logits ``(inputs, classes)`` of one bump an input."""
    return -(((CLASSES - centre.unsqueeze(-1)) / width) ** 2) / 2


def teacher_logits() -> torch.Tensor:
    """Logits ``(inputs, classes)`` of two bumps."""
    greater, lesser = (bump(centre, WIDTH).softmax(-1) for centre in centres())
    return (GREATER * greater + LESSER * lesser).log()


def student_logits(parameters: torch.Tensor) -> torch.Tensor:
    """Logits ``(inputs, classes)`` from slope, offset and logarithm of the width."""
    slope, offset, log_width = parameters
    return bump(slope * INPUTS + offset, log_width.exp())


def fit(loss: Loss) -> tuple[torch.Tensor, float]:
    """The best end of nine descents: parameters and loss."""
    teacher, ends = teacher_logits(), []
    for slope in (-0.5, 0.0, 0.5):
        for offset in (-1.5, 0.0, 1.5):
            parameters = torch.tensor([slope, offset, 0.0], requires_grad=True)
            optimizer = torch.optim.Adam([parameters], lr=0.05)
            for _ in range(STEPS):
                optimizer.zero_grad()
                loss(student_logits(parameters), teacher).backward()
                optimizer.step()
            with torch.no_grad():
                ends.append((parameters.detach(), loss(student_logits(parameters), teacher).item()))
    return min(ends, key=lambda end: end[1])


def failures(parameters: torch.Tensor) -> Failure:
    """What the fit gets wrong, as means over the inputs."""
    student, teacher = student_logits(parameters).softmax(-1), teacher_logits().softmax(-1)
    greater, lesser = (centre.unsqueeze(-1) for centre in centres())
    between = (greater - 3 * WIDTH > CLASSES) & (lesser + 3 * WIDTH < CLASSES)
    at_lesser = (CLASSES - lesser).abs() < 2 * WIDTH
    return Failure(
        between=float((student * between).sum(-1).mean()),
        lesser_mode=float((student * at_lesser).sum(-1).mean()),
        missed=float((teacher * (student < teacher / 10)).sum(-1).mean()),
    )


def main(target: str) -> None:
    """Fit, print and draw."""
    figure = Figure(figsize=(12, 5.6), layout="constrained")
    panels = figure.subplots(2, 3, sharex=True, sharey=True).flatten()
    teacher = teacher_logits().softmax(-1)[DRAWN]
    print(f"{'loss':15}{'between modes':>15}{'lesser mode':>13}{'missed':>9}")
    for axes, (name, loss) in zip(panels, LOSSES.items(), strict=True):
        parameters, _ = fit(loss)
        found = failures(parameters)
        print(f"{name:15}{found.between:15.3f}{found.lesser_mode:13.3f}{found.missed:9.3f}")
        axes.fill_between(CLASSES, teacher, color="#c9d3dc", label="teacher")
        axes.plot(CLASSES, student_logits(parameters).softmax(-1)[DRAWN], color="#b06f17", lw=2, label="student")
        axes.set_title(name, fontsize=11)
        lesser = f"lesser mode {found.lesser_mode:.2f} of {LESSER:.2f}"
        note = f"between modes {found.between:.2f}\n{lesser}\nmissed {found.missed:.2f}"
        axes.text(0.03, 0.95, note, transform=axes.transAxes, va="top", fontsize=8.5)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False, loc="upper right")
    figure.supxlabel("class", fontsize=10)
    figure.supylabel("probability", fontsize=10)
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "figure1.png")
