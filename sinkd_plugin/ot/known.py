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
        ctx.save_for_backward(*tensors)
        return value.clone()

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        count = len(ctx.saved_tensors) // 2
        sources, gradients = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        products = [None if gradient is None else _times(gradient, upstream) for gradient in gradients]
        return (
            None,
            *(None if product is None else once(product, upstream, *sources) for product in products),
            *(None for _ in gradients),
        )


def _times(gradient: torch.Tensor, upstream: torch.Tensor) -> torch.Tensor:
    scale = upstream.detach().to(gradient.dtype)
    return gradient * scale.reshape(scale.shape + (1,) * (gradient.dim() - scale.dim()))
