"""Divergences of one step: each takes ``Steps`` and returns ``(n, steps)`` in nats, 0 behind the sequences' ends.

Notation: ``t`` and ``s`` are the teacher's and the student's probabilities of the next token, given a prefix, and ``T``
and ``S`` those of the whole prefix.

Reference: Wen et al. 2023, f-Divergence Minimization for Sequence-Level Knowledge Distillation, ACL, arXiv 2307.15190.
"""

from __future__ import annotations

import torch
from torch.nn.functional import logsigmoid

from sinkd_plugin.losses.divergence import relative_entropy
from sinkd_plugin.sequence.steps import IMPOSSIBLE, Steps


def negative_log_likelihood(steps: Steps) -> torch.Tensor:
    """``-log s(y)`` of the token that stands there: SeqKD, where the teacher wrote it (Kim and Rush 2016)."""
    return -steps.chosen(steps.student)


def energy(steps: Steps) -> torch.Tensor:
    """``-Σ_y s(y) log t(y)``: ENGINE, the teacher's energy of what the student would write (Tu et al. 2020).

    A token that the teacher rules out counts with the logarithm of the smallest positive float32.
    """
    floor = torch.finfo(torch.float32).tiny
    log_teacher = steps.teacher.clamp(min=torch.tensor(floor).log().item())
    return _over_vocabulary(-steps.student.exp() * log_teacher, steps)


def kl(steps: Steps) -> torch.Tensor:
    """``KL(t ‖ s)``."""
    return _over_vocabulary(relative_entropy(steps.teacher, steps.student), steps)


def reverse_kl(steps: Steps) -> torch.Tensor:
    """``KL(s ‖ t)``."""
    return _over_vocabulary(relative_entropy(steps.student, steps.teacher), steps)


def tvd(steps: Steps) -> torch.Tensor:
    """``½ Σ_y |s(y) - t(y)|``."""
    return _over_vocabulary((steps.student.exp() - steps.teacher.exp()).abs() / 2, steps)


def teacher_to_mixture(steps: Steps) -> torch.Tensor:
    """``KL(t ‖ m)``, with the mixture ``m`` of whole sequences."""
    return _over_vocabulary(relative_entropy(steps.teacher, _log_mixture(steps)), steps)


def student_to_mixture(steps: Steps) -> torch.Tensor:
    """``KL(s ‖ m)``, with the mixture ``m`` of whole sequences."""
    return _over_vocabulary(relative_entropy(steps.student, _log_mixture(steps)), steps)


def _log_mixture(steps: Steps) -> torch.Tensor:
    """``log m(y)`` of the next token under the mixture of both distributions of *sequences* ``(n, steps, vocabulary)``.

    A sequence has probability ``½ T + ½ S`` there, so given a prefix the next token has

        m = w t + (1 - w) s,    w = T / (T + S)

    which is not the mixture ``½ t + ½ s`` of the two steps, save at the first one: whichever model is more likely to
    have written the prefix has more say about how it goes on. So says the paper's erratum.
    """
    lead = steps.prefix(steps.teacher) - steps.prefix(steps.student)
    teacher, student = (each.clamp(min=IMPOSSIBLE) for each in (steps.teacher, steps.student))
    weights = (logsigmoid(lead).unsqueeze(-1), logsigmoid(-lead).unsqueeze(-1))
    return torch.logaddexp(weights[0] + teacher, weights[1] + student)


def _over_vocabulary(terms: torch.Tensor, steps: Steps) -> torch.Tensor:
    return terms.sum(-1).masked_fill(~steps.mask, 0.0)
