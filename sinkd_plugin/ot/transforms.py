"""The distance under the transforms of ``torch.func``: its gradient, and ``vmap`` as a stack of groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.forward_ad import unpack_dual

from sinkd_plugin.ot.once import forward_mode, once

Distance = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None, torch.Tensor | None], torch.Tensor]
"""From logits and weights, each with leading dimensions for groups, to one value a group."""


def transforming() -> bool:
    """Whether a transform of ``torch.func`` looks at what is computed."""
    return not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active()  # noqa: SLF001 - no public name


def refuse_forward_mode(logits: torch.Tensor) -> None:
    """Raise if a derivative is to be carried along: it would be lost without a word, where gradients are known already.

    Raises:
        LossInputError: If the logits carry a tangent.
    """
    if not torch.compiler.is_compiling() and unpack_dual(logits).tangent is not None:  # type: ignore[no-untyped-call]
        raise forward_mode()


def transformed(
    distance: Distance,
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    student_weights: torch.Tensor | None,
    teacher_weights: torch.Tensor | None,
) -> torch.Tensor:
    """What ``distance`` computes, as one function that transforms know how to go through.

    Args:
        distance: Is called with plain tensors.
        student_logits: ``(..., n, classes)``.
        teacher_logits: The same shape.
        student_weights: ``(..., n)``, or none.
        teacher_weights: ``(..., n)``, or none.
    """
    inputs = student_logits, teacher_logits, student_weights, teacher_weights
    value, _ = _Transformed.apply(distance, *inputs)  # type: ignore[no-untyped-call]
    found: torch.Tensor = value
    return found


class _Transformed(torch.autograd.Function):
    """Value and gradient together; ``vmap`` adds a dimension of groups in front."""

    @staticmethod
    def forward(
        distance: Distance, student: torch.Tensor, teacher: torch.Tensor, *weights: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.enable_grad():
            leaf = student.detach().requires_grad_()
            value = distance(leaf, teacher.detach(), *weights)
            (gradient,) = torch.autograd.grad(value.sum(), leaf)
        return value.detach(), gradient

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, torch.Tensor]) -> None:
        _, gradient = output
        ctx.mark_non_differentiable(gradient)
        ctx.save_for_backward(gradient, inputs[1])

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor, _: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        gradient, student = ctx.saved_tensors
        product = upstream.to(gradient.dtype).unsqueeze(-1).unsqueeze(-1) * gradient
        return None, once(product, upstream, student), None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: torch.Tensor | None) -> None:
        raise forward_mode()

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], distance: Distance, *tensors: torch.Tensor | None) -> Any:
        stacked = [
            None if tensor is None else _in_front(tensor, place, info.batch_size)
            for tensor, place in zip(tensors, in_dims[1:], strict=True)
        ]
        return _Transformed.apply(distance, *stacked), (0, 0)  # type: ignore[no-untyped-call]


def _in_front(tensor: torch.Tensor, place: int | None, size: int) -> torch.Tensor:
    """The mapped dimension first; a tensor without one is the same for all."""
    return tensor.expand(size, *tensor.shape) if place is None else tensor.movedim(place, 0)
