"""Distances between rows, few classes or very many: never a buffer of rows × rows × classes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from sinkd_plugin.ot.engine import loops_apply
from sinkd_plugin.ot.known import gradient_wanted
from sinkd_plugin.ot.once import once

_WIDE = 512
"""Classes from which on a distance is summed by chunks."""

_CHUNK = 4096
"""Classes at a time. With a few dozen rows a chunk and its minimum stay in a core's cache, and a float32 sum of so few
terms is off by 4e-7 where one over 50,000 is off by 2e-5."""


def distances(student: torch.Tensor, teacher: torch.Tensor, p: float) -> torch.Tensor:
    """``||s_i - t_j||_p`` for every pair of rows; where it or a difference is zero, so is the derivative.

    Args:
        student: ``(..., n, classes)``.
        teacher: ``(..., m, classes)``.
        p: 1, 2 or infinity.

    Returns:
        ``(..., n, m)``, differentiable once.
    """
    if by_loops(student, teacher, p) and not gradient_wanted(student, teacher):
        return _forward(student, teacher, p)
    found: torch.Tensor = _Distances.apply(student, teacher, p)  # type: ignore[no-untyped-call]
    return found


class _Distances(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, student: torch.Tensor, teacher: torch.Tensor, p: float) -> torch.Tensor:
        cost = _forward(student, teacher, p)
        ctx.save_for_backward(student, teacher, cost)
        ctx.p = p
        return cost

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        student, teacher, cost = ctx.saved_tensors
        by_student = by_teacher = None
        with torch.no_grad():
            if ctx.needs_input_grad[0]:
                by_student = distances_gradient(upstream, student, teacher, ctx.p, cost)
            if ctx.needs_input_grad[1]:
                by_teacher = distances_gradient(upstream.mT, teacher, student, ctx.p, cost.mT)
        return (
            None if by_student is None else once(by_student, upstream, student, teacher),
            None if by_teacher is None else once(by_teacher, upstream, student, teacher),
            None,
        )


def _forward(student: torch.Tensor, teacher: torch.Tensor, p: float) -> torch.Tensor:
    if by_loops(student, teacher, p):
        from sinkd_plugin.ot.loops.loop_distances import loop_distances

        return loop_distances(student.detach(), teacher.detach(), p)
    if student.shape[-1] < _WIDE:
        return _direct(student, teacher, p)
    if student.dim() > 2:
        flat = zip(student.flatten(0, -3).unbind(), teacher.flatten(0, -3).unbind(), strict=True)
        return torch.stack([_forward(*pair, p) for pair in flat]).reshape(*student.shape[:-1], -1)
    if p != 1:
        return _accumulated(student, teacher, p)
    return _fused_taxicab(student, teacher) if torch.compiler.is_compiling() else _taxicab(student, teacher)


def by_loops(first: torch.Tensor, second: torch.Tensor, p: float) -> bool:
    """Whether compiled loops measure these rows, or their like: chunks of very many classes only for p = 1.

    Args:
        first: ``(..., n, classes)``.
        second: ``(..., m, classes)``.
        p: 1, 2 or infinity.
    """
    narrow = first.shape[-1] < _WIDE
    return (narrow or p == 1) and min(first.numel(), second.numel()) > 0 and loops_apply(first, second)


def _direct(student: torch.Tensor, teacher: torch.Tensor, p: float) -> torch.Tensor:
    # Never by way of a matrix product: that is off by 5e-4 at distance zero, and its gradient there is not zero.
    return torch.cdist(student, teacher, p=p, compute_mode="donot_use_mm_for_euclid_dist")


def _taxicab(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """``Σ|a - b| = Σa + Σb - 2 Σ min(a, b)``: one pass over each pair of chunks, and the sum is a product by ones."""
    total = student.new_zeros(student.shape[0], teacher.shape[0])
    for pair in _chunks(student, teacher, _CHUNK):
        part, other = (side.contiguous() for side in pair)
        ones, smaller = other.new_ones(other.shape[1]), torch.empty_like(other)
        shared = total.new_empty(total.shape)
        for row, entries in zip(shared.unbind(), part.unbind(), strict=True):
            torch.mv(torch.minimum(entries, other, out=smaller), ones, out=row)
        total += (part @ ones).unsqueeze(-1) + other @ ones - 2 * shared
    return total.clamp_(min=0)


def _fused_taxicab(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """What a compiler makes one loop of, without the buffer that it looks like."""
    parts = [(part.unsqueeze(1) - other).abs().sum(dim=-1) for part, other in _chunks(student, teacher, _CHUNK)]
    return torch.stack(parts).sum(dim=0)


def _accumulated(student: torch.Tensor, teacher: torch.Tensor, p: float) -> torch.Tensor:
    total = student.new_zeros(student.shape[0], teacher.shape[0])
    for pair in _chunks(student, teacher, _CHUNK):
        part = _direct(*pair, p)
        total = torch.maximum(total, part) if p == math.inf else total.add_(part.square_())
    return total if p == math.inf else total.sqrt_()


def _chunks(first: torch.Tensor, second: torch.Tensor, step: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for start in range(0, first.shape[-1], step):
        yield first[..., start : start + step], second[..., start : start + step]


def distances_gradient(
    upstream: torch.Tensor, first: torch.Tensor, second: torch.Tensor, p: float, cost: torch.Tensor
) -> torch.Tensor:
    """``Σ_j upstream_ij ∂D_ij/∂first_i``, the derivative by the first rows of a weighted sum of distances.

    Args:
        upstream: ``(..., n, m)``, the weights.
        first: ``(..., n, classes)``.
        second: ``(..., m, classes)``.
        p: 1, 2 or infinity.
        cost: ``(..., n, m)``, the distances.
    """
    if by_loops(first, second, p):
        from sinkd_plugin.ot.loops.loop_distances import loop_distances_gradient

        return loop_distances_gradient(upstream, first.detach(), second.detach(), p, cost)
    if p == math.inf:
        return _by_largest(upstream, first, second, cost)
    if p == 1 and first.shape[-1] >= _WIDE and first.dim() == 2 and torch.compiler.is_compiling():
        return _fused_by_first(upstream, first, second)
    upstream, cost = upstream.contiguous(), cost.contiguous()
    # An accelerator's routine takes a buffer of rows × rows × classes, so it is given few classes at a time.
    step = max(first.shape[-1], 1) if first.device.type == "cpu" else _CHUNK
    chunks = [
        torch.ops.aten._cdist_backward(upstream, a.contiguous(), b.contiguous(), p, cost)  # noqa: SLF001
        for a, b in _chunks(first, second, step)
    ]
    return chunks[0] if len(chunks) == 1 else torch.cat(chunks, dim=-1)


def _fused_by_first(upstream: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The same for p = 1, as one loop of a compiler."""
    parts = [
        ((part.unsqueeze(1) - other).sign() * upstream.unsqueeze(-1)).sum(dim=1)
        for part, other in _chunks(first, second, _CHUNK)
    ]
    return torch.cat(parts, dim=-1)


def _by_largest(upstream: torch.Tensor, first: torch.Tensor, second: torch.Tensor, cost: torch.Tensor) -> torch.Tensor:
    """The same for the largest difference; if several classes are largest they share it, as two classes always do."""
    by_first = torch.empty_like(first)
    for row in range(first.shape[-2]):
        difference = first[..., row, None, :] - second
        largest = difference.abs() == cost[..., row, :, None]
        share = upstream[..., row, :] / largest.sum(dim=-1).clamp_min(1)
        by_first[..., row, :] = (difference.sign_().mul_(largest).mul_(share.unsqueeze(-1))).sum(dim=-2)
    return by_first
