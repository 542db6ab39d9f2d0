"""Transport between points on a line by compiled loops."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from sinkd_plugin.ot import line_sweeps
from sinkd_plugin.ot.loops import line_sweep_loops
from sinkd_plugin.ot.loops.operators import Operator
from sinkd_plugin.ot.loops.types import Array

Tensors = tuple[torch.Tensor, ...]


def line_by_loops(
    *sides: torch.Tensor, regularization: float, iterations: int, wanted: Sequence[bool]
) -> tuple[Tensors, list[torch.Tensor | None]]:
    """Value, residual and both potentials of a few problems, and those of the value's derivatives that are wanted.

    Args:
        sides: ``(problems, n)`` and ``(problems, m)`` points, and the logarithms of their masses; float64.
        regularization: λ, for which the points' spread is safe on plain numbers.
        iterations: T.
        wanted: For each of ``sides``, whether the derivative by it is wanted.
    """
    numbers = iterations * (sides[0].shape[-1] + sides[1].shape[-1])
    # With √T starts kept, a stretch of √T sweeps at a time is computed again.
    whole = numbers <= line_sweeps.KEPT_NUMBERS and any(wanted)
    stretch = iterations if whole else math.isqrt(iterations - 1) + 1 if any(wanted) else 1
    found = _LINE(*sides, regularization, iterations, stretch, any(wanted), wanted[1])
    derivatives = [tensor if want else None for tensor, want in zip(found[4:], wanted, strict=True)]
    return found[:4], derivatives


def _line(
    student_points: torch.Tensor,
    teacher_points: torch.Tensor,
    log_student: torch.Tensor,
    log_teacher: torch.Tensor,
    regularization: float,
    iterations: int,
    stretch: int,
    differentiate: bool,
    of_teacher: bool,
) -> tuple[
    torch.Tensor,
    torch.Tensor,
    torch.Tensor,
    torch.Tensor,
    torch.Tensor,
    torch.Tensor,
    torch.Tensor,
    torch.Tensor,
]:
    given = (student_points, teacher_points, log_student, log_teacher)
    x, y, log_a, log_b = (np.ascontiguousarray(tensor.numpy()) for tensor in given)
    a, b = np.exp(log_a), np.exp(log_b)
    values, row_masses = np.zeros(len(x)), np.empty_like(x)
    pairs: list[tuple[Array, Array]] = [(np.empty_like(x), np.empty_like(y)) for _ in range(3)]
    line_sweep_loops.solve(
        (x, y),
        (x.argsort(axis=-1), y.argsort(axis=-1)),
        (a, b),
        (log_b > -np.inf).astype(x.dtype),  # v_0 = 1 (Eq. 14), but a point that is not there takes no part
        regularization,
        iterations,
        stretch,
        differentiate,
        of_teacher,
        values,
        row_masses,
        *pairs,
    )
    residual = np.abs(row_masses - a).sum(axis=-1) / (2 * b.sum(axis=-1))
    potentials, by_points, by_masses = pairs
    results = (values, residual, *potentials, *by_points, *by_masses)
    value, *others = (torch.from_numpy(array) for array in results)
    return (value, *others)  # type: ignore[return-value]


def _room(student_points: torch.Tensor, teacher_points: torch.Tensor, *_: object) -> Tensors:
    student, teacher = (torch.empty_like(side) for side in (student_points, teacher_points))
    value = student_points.new_empty(student_points.shape[:1])
    return value, value.clone(), *(torch.empty_like(side) for _ in range(3) for side in (student, teacher))


_LINE: Operator[Tensors] = Operator(_line, _room)
