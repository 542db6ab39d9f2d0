"""Every generator that a training step may draw from, as one state to be kept and put back."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True, kw_only=True, eq=False)
class RandomState:
    """The states of all generators at one moment.

    Args:
        python: Of ``random``.
        numpy: Of NumPy's global generator.
        cpu: Of torch's on the CPU.
        cuda: Of torch's on each CUDA device; empty where CUDA is not in use.
    """

    python: Any
    numpy: dict[str, Any]
    cpu: torch.Tensor
    cuda: tuple[torch.Tensor, ...] = ()

    @classmethod
    def now(cls) -> RandomState:
        """The states as they are."""
        return cls(
            python=random.getstate(),
            numpy=dict(np.random.get_state(legacy=False)),
            cpu=torch.get_rng_state(),
            cuda=tuple(torch.cuda.get_rng_state_all()) if torch.cuda.is_available() else (),
        )

    def as_state(self) -> dict[str, Any]:
        """The same as plain data, tensors and arrays."""
        return {"python": self.python, "numpy": self.numpy, "cpu": self.cpu, "cuda": list(self.cuda)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> RandomState:
        """What ``as_state`` returned, as a state."""
        return cls(**{**state, "cuda": tuple(state["cuda"])})

    def restore(self) -> None:
        """Let every generator go on from here: what is drawn next is drawn again."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        torch.set_rng_state(self.cpu)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)
