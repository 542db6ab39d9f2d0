"""Sequences that a model has written for each example, in few tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

Tokens = Sequence[int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """Several sequences for each example, one example's after another's.

    Args:
        tokens: All of them in one row ``(tokens,)``, each with the token that ends it if it was not cut.
        starts: ``(examples * per_example + 1,)``: where each sequence begins, and where the last one ends.
        per_example: Sequences of each example.
    """

    tokens: torch.Tensor
    starts: torch.Tensor
    per_example: int

    @classmethod
    def of(cls, sequences: Sequence[Sequence[Tokens]]) -> Samples:
        """Pack sequences.

        Args:
            sequences: Equally many for each example; none of them is empty.
        """
        flat = [list(one) for example in sequences for one in example]
        starts = torch.zeros(len(flat) + 1, dtype=torch.long)
        starts[1:] = torch.tensor([len(one) for one in flat], dtype=torch.long).cumsum(0)
        tokens = torch.tensor([token for one in flat for token in one], dtype=torch.int32)
        return cls(tokens=tokens, starts=starts, per_example=len(sequences[0]) if sequences else 0)

    def __len__(self) -> int:
        """Number of examples."""
        return (len(self.starts) - 1) // max(self.per_example, 1)

    def all_of(self, example: int) -> list[list[int]]:
        """Every sequence of one example."""
        first = example * self.per_example
        return [self._sequence(first + which) for which in range(self.per_example)]

    def one_of_each(self, examples: Sequence[int], generator: torch.Generator) -> list[list[int]]:
        """One sequence of each example, chosen at random."""
        which = torch.randint(self.per_example, (len(examples),), generator=generator).tolist()
        return [self._sequence(example * self.per_example + one) for example, one in zip(examples, which, strict=True)]

    def _sequence(self, place: int) -> list[int]:
        start, end = self.starts[place : place + 2].tolist()
        found: list[int] = self.tokens[start:end].tolist()
        return found
