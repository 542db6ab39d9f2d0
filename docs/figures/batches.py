"""Example batches and derivatives that the figures and numbers of docs/loss.md are made of."""

from __future__ import annotations

from collections.abc import Callable

import torch


def example(rows: int, classes: int, scale: float = 3.0, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of a student that half follows its teacher.

    Args:
        rows: Rows of the batch.
        classes: Classes.
        scale: Standard deviation of the teacher's logits: 1 is unsure, 3 like a fine-tuned classifier, 8 peaky.
        seed: Of the generator.
    """
    generator = torch.Generator().manual_seed(seed)
    teacher = scale * torch.randn(rows, classes, generator=generator, dtype=torch.float64)
    noise = torch.randn(rows, classes, generator=generator, dtype=torch.float64)
    return 0.6 * teacher + 0.5 * scale * noise, teacher


def gradient(loss: Callable[[torch.Tensor], torch.Tensor], student: torch.Tensor) -> torch.Tensor:
    """Derivative of a loss with respect to the student's logits."""
    leaf = student.clone().requires_grad_()
    (found,) = torch.autograd.grad(loss(leaf), leaf)
    return found
