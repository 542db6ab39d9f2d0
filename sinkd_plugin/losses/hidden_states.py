"""Batch-wise Sinkhorn distance between hidden states: one vector an example."""

from __future__ import annotations

from typing import Literal

import torch

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.ot.dense import dense_transport
from sinkd_plugin.ot.distances import distances
from sinkd_plugin.ot.marginals import check_weights, uniform_marginals, weighted_marginals
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.probabilities import full_precision, loss_dtype

Pooling = Literal["mean", "first"]

_SMALLEST = 1e-12
"""Least length a vector and least mean a cost is divided by."""


def hidden_sinkhorn(
    student_states: torch.Tensor,
    teacher_states: torch.Tensor,
    mask: torch.Tensor | None = None,
    regularization: float = 0.1,
    iterations: int = 20,
    pooling: Pooling = "mean",
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Batch-wise Sinkhorn distance between hidden states.

    With ``x`` and ``y`` the pooled states of student and teacher, of length one, and ``w`` the weights of the examples,
    1/n each by default::

        D_ij = ||x_i - y_j||_2                  cost
        K    = exp(-D / (λ Σ_ij w_i w_j D_ij))  kernel
        P    = K after T sweeps, each scaling rows and then columns to mass w
        loss = Σ_ij P_ij D_ij

    Args:
        student_states: ``(batch, length, size)``, or ``(batch, size)`` if there is nothing to pool.
        teacher_states: The same shape; never receives a gradient.
        mask: ``(batch, length)``, 0 where a position does not count; all count by default. An example of which no
            position counts, or not its first where that is pooled, does not count itself.
        regularization: λ, in units of the mean cost, which is taken as given.
        iterations: T, sweeps.
        pooling: ``"mean"`` of the positions that count, or the ``"first"`` position.
        weights: ``(batch,)``, how much each example counts, up to a factor; 0 for one that does not, whatever it holds.

    Returns:
        0-dim tensor, between 0 and 2.

    Raises:
        LossInputError: If shapes or devices differ, the mask has another shape than the positions, a state is not
            finite, weights are not usable, or an option is out of its range.

    Numerics:
        At least float32, under any autocast. No examples that count give 0. A state 0 is at distance 1 from all others.
        Differentiable once. Reads the largest cost, for which an accelerator has to wait.

    Reference:
        SinKD, arXiv 2402.17110, Eqs. 13-18, on states in place of predictions; it compares predictions only.

    Example:
        >>> states = torch.eye(2).unsqueeze(1)  # two examples of one position each
        >>> round(hidden_sinkhorn(states, states).item(), 4)
        0.0
        >>> round(hidden_sinkhorn(states[:1], states[1:]).item(), 4)  # √2
        1.4142
    """
    _check(student_states, teacher_states, mask, pooling, regularization, iterations)
    if weights is not None and student_states.shape[0]:
        check_weights("weights", weights, student_states.flatten(1))
    dtype = loss_dtype(student_states, teacher_states)
    mask = mask if student_states.dim() == 3 else None
    with full_precision(student_states.device):
        counted = _weights(mask, pooling, weights)
        if student_states.shape[0] == 0 or (counted is not None and not bool(counted.any())):
            return student_states.to(dtype)[:0].sum()
        student, teacher = (
            _directions(states.to(dtype), mask, pooling, counted)
            for states in (student_states, teacher_states.detach())
        )
        return _distance(student, teacher, counted, regularization, iterations).to(dtype)


def _weights(mask: torch.Tensor | None, pooling: Pooling, weights: torch.Tensor | None) -> torch.Tensor | None:
    """How much each example counts, ``(batch,)``; ``None`` if all count alike."""
    if mask is None:
        return weights
    counts = mask[:, 0] != 0 if pooling == "first" else (mask != 0).any(dim=1)
    return counts.double() if weights is None else weights * counts


def _distance(
    student: torch.Tensor, teacher: torch.Tensor, weights: torch.Tensor | None, regularization: float, iterations: int
) -> torch.Tensor:
    cost = distances(student, teacher, 2.0)
    marginals = uniform_marginals(student) if weights is None else weighted_marginals(weights, weights)
    masses = marginals.log_student.exp().to(cost.dtype)
    unit = (masses @ cost.detach() @ masses).clamp_min(_SMALLEST)
    relative = cost / unit
    largest = float(relative.detach().max())
    if not largest < float("inf"):
        raise LossInputError("Hidden states must be finite.", cure="Look for an overflow in the forward pass.")
    options = TransportOptions(regularization=regularization, iterations=iterations)
    found = dense_transport(relative, marginals.log_student, marginals.log_teacher, options, largest_cost=largest)
    return found.value * unit


def _directions(
    states: torch.Tensor, mask: torch.Tensor | None, pooling: Pooling, weights: torch.Tensor | None
) -> torch.Tensor:
    """One vector of length one an example, ``(batch, size)``; zeros where an example does not count."""
    if states.dim() == 3:
        states = states[:, 0] if pooling == "first" else _mean(states, mask)
    if weights is not None:
        states = states.masked_fill((weights == 0).unsqueeze(-1), 0.0)
    lengths: torch.Tensor = torch.linalg.vector_norm(states, dim=-1, keepdim=True)
    return states / lengths.clamp_min(_SMALLEST)


def _mean(states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    if mask is None:
        return states.mean(dim=1)
    counts = (mask != 0).unsqueeze(-1)
    # Selected, not multiplied: a padded position may hold NaN.
    return states.masked_fill(~counts, 0.0).sum(dim=1) / counts.sum(dim=1).clamp_min(1)


def _check(
    student: torch.Tensor,
    teacher: torch.Tensor,
    mask: torch.Tensor | None,
    pooling: str,
    regularization: float,
    iterations: int,
) -> None:
    if student.shape != teacher.shape or student.dim() not in (2, 3) or student.device != teacher.device:
        raise LossInputError(
            "Student and teacher states must both be (batch, length, size) or (batch, size), on one device.",
            received=f"{tuple(student.shape)} on {student.device} and {tuple(teacher.shape)} on {teacher.device}",
            cure="Where sizes differ, project the student's: 'proj' in TextBrewer's intermediate match.",
        )
    if mask is not None and student.dim() == 3 and mask.shape != student.shape[:2]:
        raise LossInputError(
            "The mask must have one entry for each position.",
            received=f"{tuple(mask.shape)} for states {tuple(student.shape)}",
        )
    if pooling not in ("mean", "first") or not 1e-3 <= regularization < float("inf") or iterations < 1:
        raise LossInputError(
            "The pooling must be 'mean' or 'first', the regularization at least 1e-3, and there must be a sweep.",
            received=f"{pooling!r}, {regularization} and {iterations}",
        )
