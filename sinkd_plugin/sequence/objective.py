"""A method's loss on one batch of sampled sequences."""

from __future__ import annotations

from typing import Literal

import torch

from sinkd_plugin.sequence.steps import Steps

Per = Literal["token", "sequence"]


def along(losses: torch.Tensor, steps: Steps, *, per: Per, exact_gradient: bool = False) -> torch.Tensor:
    """The sum of step losses along each sequence, averaged.

    Over sequences that the model of the expectation wrote, the average ``per="sequence"`` is an unbiased estimate of
    the method's divergence (or bound), in nats. Where the teacher wrote them so is its gradient. Where the student
    wrote them, its gradient lacks how the student's parameters decide what is written, as in the paper: the sequences
    are taken as given. ``exact_gradient`` adds that part, by the likelihood-ratio identity with what each token
    decides, the losses of the later steps, as its cost:

        ∇ E[Σ_i d_i] = E[Σ_i ∇ d_i + Σ_i ∇ log s(y_i) Σ_{j>i} d_j]

    Args:
        losses: ``(n, steps)``.
        steps: What they were computed of.
        per: ``token`` divides by the number of all steps, so that long sequences do not make larger gradients;
            ``sequence`` by the number of sequences.
        exact_gradient: For sequences that the student wrote.

    Returns:
        0-dim; its value is the same with and without ``exact_gradient``. No sequences give 0.

    Reference: Williams 1992, Simple statistical gradient-following algorithms, Machine Learning 8.
    """
    count = steps.mask.sum() if per == "token" else steps.mask.shape[0]
    divisor = max(int(count), 1)
    total = losses.sum()
    if exact_gradient:
        later = losses.flip(-1).cumsum(-1).flip(-1) - losses
        choice = (steps.chosen(steps.student) * later.detach()).sum()
        total = total + choice - choice.detach()
    return total / divisor
