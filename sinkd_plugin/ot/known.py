"""Values whose derivatives are computed together with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from sinkd_plugin.ot.once import once


def gradient_wanted(*sources: torch.Tensor) -> bool:
    """Whether anyone may ask for a derivative by one of the sources."""
    return torch.is_grad_enabled() and any(source.requires_grad for source in sources)


def known_value(
    value: torch.Tensor, sources: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor | None]
) -> torch.Tensor:
    """A value with derivatives that are known already.

    Matrices that only the derivatives need are gone before the backward pass begins, and it is one product.

    Args:
        value: ``(...)``, detached.
        sources: Each ``(..., *)``, what it was computed from.
        gradients: The derivative of each problem's value by each source, of the source's shape.

    Returns:
        The value, differentiable once.
    """
    wanted = [
        None if gradient is None or not source.requires_grad else gradient.to(source.dtype)
        for source, gradient in zip(sources, gradients, strict=True)
    ]
    known: torch.Tensor = _Known.apply(value, *sources, *wanted)  # type: ignore[no-untyped-call]
    return known


class _Known(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, *tensors: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(*tensors[len(tensors) // 2 :])
        return value.clone()

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        gradients = ctx.saved_tensors
        return None, *(_times(gradient, upstream) for gradient in gradients), *(None for _ in gradients)


def _times(gradient: torch.Tensor | None, upstream: torch.Tensor) -> torch.Tensor | None:
    if gradient is None:
        return None
    scale = upstream.detach().to(gradient.dtype)
    return once(gradient * scale.reshape(scale.shape + (1,) * (gradient.dim() - scale.dim())), upstream)
