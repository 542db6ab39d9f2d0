"""Gradients that cannot be differentiated again say so, where it would happen."""

from __future__ import annotations

from typing import Any

import torch

from sinkd_plugin.errors import LossInputError


def once(gradient: torch.Tensor, *sources: torch.Tensor) -> torch.Tensor:
    """The gradient itself; if a graph of it is being recorded, differentiating that graph raises.

    Asking for a graph is not yet an error: another term of the same loss may need it.

    Args:
        gradient: Any shape, detached.
        sources: What it was computed from.

    Raises:
        LossInputError: On a second differentiation.
    """
    if not torch.is_grad_enabled():
        return gradient
    result: torch.Tensor = _Once.apply(gradient, *sources)  # type: ignore[no-untyped-call]
    return result


def forward_mode() -> LossInputError:
    """The error for a derivative that is to be carried along with the value."""
    return LossInputError(
        "The Sinkhorn distance is differentiated backwards only.",
        received="a forward-mode derivative",
        cure="Use torch.func.grad or jacrev in place of jvp, jacfwd or hessian.",
    )


class _Once(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(gradient: torch.Tensor, *sources: torch.Tensor) -> torch.Tensor:
        return gradient.view_as(gradient)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        """Nothing is needed to raise."""

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> None:
        raise LossInputError(
            "The Sinkhorn distance can be differentiated once.",
            received="a second differentiation",
            cure="Leave it out of the loss whose gradient is differentiated.",
        )

    @staticmethod
    def jvp(ctx: Any, *tangents: torch.Tensor | None) -> None:
        raise forward_mode()
