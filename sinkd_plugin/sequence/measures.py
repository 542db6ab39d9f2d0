"""How far two models' sequences are from each other, and how much a teacher's vary."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def risk(losses: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The negative log-likelihood a token of sequences under a model: the mean over sequences of each one's mean.

    Of the student's sequences under the teacher it is the likelihood risk, high where the student writes what the
    teacher would not; of the teacher's under the student the coverage risk, high where the student would not write
    what the teacher does (Wen et al. 2023, section 4.3).

    Args:
        losses: Negative log-likelihood of each token ``(n, steps)``.
        mask: Which tokens belong to the sequences ``(n, steps)``; each sequence has one at least.

    Returns:
        0-dim, in nats.
    """
    kept = mask.bool()
    return (losses.masked_fill(~kept, 0).sum(-1) / kept.sum(-1)).mean()


def distinct_share(samples: Sequence[Sequence[Sequence[int]]], order: int = 2) -> float:
    """The share of different n-grams among all of a source's samples, averaged over the sources.

    Near 1 the samples have little in common, and a task has many answers; near ``1 / k`` for ``k`` samples they are
    all the same. Sources whose samples are all shorter than an n-gram do not count; 0 if none does.

    Args:
        samples: Several sequences of tokens for each source.
        order: n; 2 for bigrams (Li et al. 2016; Wen et al. 2023, Table 3).

    Example:
        >>> distinct_share([[[5, 6, 7], [5, 6, 8]]])
        0.75
    """
    shares = []
    for sequences in samples:
        grams = [tuple(one[start : start + order]) for one in sequences for start in range(len(one) - order + 1)]
        if grams:
            shares.append(len(set(grams)) / len(grams))
    return sum(shares) / len(shares) if shares else 0.0
