"""Two models over a vocabulary of three tokens, small enough that every sequence can be written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import torch

from sinkd_plugin.sequence.steps import Steps

END, VOCABULARY, LONGEST = 0, 3, 3
Prefix = tuple[int, ...]
Table = dict[Prefix, torch.Tensor]
Function = Callable[[Steps], torch.Tensor]

PREFIXES: list[Prefix] = [
    prefix for length in range(LONGEST) for prefix in product(range(1, VOCABULARY), repeat=length)
]
SEQUENCES: list[Prefix] = [
    *((*prefix, END) for prefix in PREFIXES),
    *product(range(1, VOCABULARY), repeat=LONGEST),
]
"""All that ends, and all that is cut at the longest length."""


@dataclass(frozen=True)
class Toy:
    """Logits of the next token for each prefix."""

    table: Table

    @classmethod
    def random(cls, seed: int, sharpness: float = 1.5) -> Toy:
        generator = torch.Generator().manual_seed(seed)
        draw = torch.randn(len(PREFIXES), VOCABULARY, generator=generator, dtype=torch.float64) * sharpness
        return cls({prefix: row.clone().requires_grad_() for prefix, row in zip(PREFIXES, draw, strict=True)})

    @property
    def parameters(self) -> list[torch.Tensor]:
        return list(self.table.values())

    def log_probability(self, sequence: Prefix) -> torch.Tensor:
        """Of one whole sequence, token by token, by the chain rule."""
        rows = (torch.log_softmax(self.table[sequence[:step]], -1)[token] for step, token in enumerate(sequence))
        return torch.stack(list(rows)).sum()

    def distribution(self) -> torch.Tensor:
        """Log-probabilities of ``SEQUENCES``."""
        return torch.stack([self.log_probability(sequence) for sequence in SEQUENCES])

    def logits(self, sequences: list[Prefix]) -> torch.Tensor:
        """``(n, steps, vocabulary)``; noise behind the ends, which must not matter."""
        noise = torch.full((VOCABULARY,), 7.0, dtype=torch.float64)
        return torch.stack(
            [
                torch.stack([self.table[one[:step]] if step < len(one) else noise for step in range(LONGEST)])
                for one in sequences
            ]
        )


def steps_of(student: Toy, teacher: Toy, sequences: list[Prefix]) -> Steps:
    """Both models along some sequences."""
    tokens = torch.tensor([[*one, *[2] * (LONGEST - len(one))] for one in sequences])
    mask = torch.tensor([[step < len(one) for step in range(LONGEST)] for one in sequences])
    return Steps.from_logits(student.logits(sequences), teacher.logits(sequences), tokens, mask)


def gradients(value: torch.Tensor, student: Toy) -> torch.Tensor:
    """The gradient of a number with respect to all of the student's logits, in one vector."""
    found = torch.autograd.grad(value, student.parameters, retain_graph=True, allow_unused=True, materialize_grads=True)
    return torch.cat(found)
