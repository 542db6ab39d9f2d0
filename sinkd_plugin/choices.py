"""The log-probabilities of several answers to each prompt, from as few sequences as there are beginnings."""

from __future__ import annotations

from collections.abc import Sequence

import torch

IGNORED = -100
"""Target of a position at which no answer is read: prompt and padding."""


def padded(sequences: Sequence[Sequence[int]], value: int, *, left: bool = False) -> torch.Tensor:
    """Sequences as ``(batch, length)``, filled with ``value`` on one side."""
    length = max(map(len, sequences))
    fills = [[value] * (length - len(sequence)) for sequence in sequences]
    return torch.tensor(
        [[*fill, *sequence] if left else [*sequence, *fill] for fill, sequence in zip(fills, sequences, strict=True)]
    )


class Choices:
    """Answers to be compared.

    Answers of one token need one sequence a prompt, however many they are; longer ones one for each different
    beginning.

    Args:
        answers: The tokens of each.
        length_normalised: Whether to divide an answer's log-probability by its number of tokens.
    """

    def __init__(self, answers: Sequence[Sequence[int]], *, length_normalised: bool) -> None:
        self._answers = answers
        self._normalised = length_normalised
        self._beginnings = list(dict.fromkeys(tuple(answer[:-1]) for answer in answers))
        starts, rows = {}, 0
        for beginning in self._beginnings:
            starts[beginning] = rows
            rows += len(beginning) + 1
        self._first_rows = [starts[tuple(answer[:-1])] for answer in answers]

    def asked(self, prefixes: Sequence[Sequence[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The sequences to run, and where to read them.

        Args:
            prefixes: What stands before the answer, of each example.
            pad: The padding token.

        Returns:
            ``(examples * beginnings, length)`` twice: tokens, and ``IGNORED`` where nothing is read.
        """
        inputs, reads = [], []
        for prefix in prefixes:
            for beginning in self._beginnings:
                inputs.append([*prefix, *beginning])
                reads.append([*[IGNORED] * (len(prefix) - 1), *[0] * (len(beginning) + 1)])
        return padded(inputs, pad), padded(reads, IGNORED)

    @property
    def beginnings(self) -> int:
        """Number of sequences an example."""
        return len(self._beginnings)

    def scores(self, rows: torch.Tensor) -> torch.Tensor:
        """Log-probabilities ``(examples, answers)`` in float32.

        Args:
            rows: Logits ``(examples, rows, vocabulary)`` at the places of ``asked``.
        """
        rows = rows.float()
        totals = rows.logsumexp(dim=-1)
        found = []
        for answer, first in zip(self._answers, self._first_rows, strict=True):
            places = range(first, first + len(answer))
            each = [rows[:, place, token] - totals[:, place] for place, token in zip(places, answer, strict=True)]
            total = torch.stack(each).sum(dim=0)
            found.append(total / len(answer) if self._normalised else total)
        return torch.stack(found, dim=1)
