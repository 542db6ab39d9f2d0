"""The paper's problem from logits to value and gradient in one call, by compiled loops."""

from __future__ import annotations

import numpy as np
import torch

from sinkd_plugin.ot.cost import batch_cost
from sinkd_plugin.ot.found import Found
from sinkd_plugin.ot.known import gradient_wanted, known_value
from sinkd_plugin.ot.loops.batch_loops import small_batch
from sinkd_plugin.ot.loops.distance_loops import FEW_CLASSES
from sinkd_plugin.ot.loops.loop_distances import distances_between, gradient_of_distances, stack
from sinkd_plugin.ot.loops.loop_scaling import LoopSolution, masses, solve
from sinkd_plugin.ot.loops.loop_softmax import softmax
from sinkd_plugin.ot.loops.operators import Operator
from sinkd_plugin.ot.loops.softmax_loops import softmax_gradient
from sinkd_plugin.ot.marginals import Marginals
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.probabilities import probabilities
from sinkd_plugin.ot.solver import SolverName, solver_dtype
from sinkd_plugin.ot.sweeps import SweepSettings

_SMALL = 2**12
"""Entries of a kernel up to which the calls between compiled functions cost more than what each of them gains."""


def batch_by_loops(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    marginals: Marginals,
    options: TransportOptions,
    settings: SweepSettings,
    solver: SolverName,
) -> Found:
    """Solve the problem between rows (Eqs. 13-18).

    Args:
        student_logits: ``(..., n, classes)``, of the type to compute in.
        teacher_logits: ``(..., n, classes)``.
        marginals: How much each row counts.
        options: Temperature, order of the norm and of the sides.
        settings: Without tolerance, and with the gradient of the sweeps.
        solver: A form of the sweeps on scalings.

    Returns:
        The value is differentiable by the student's logits.
    """
    p, teacher_first = float(options.p), options.rows == "teacher"
    rows = columns = None
    if not marginals.uniform:
        rows, columns = (side.exp() * side.shape[-1] for side in (marginals.log_student, marginals.log_teacher))
    if teacher_first:
        rows, columns = columns, rows
    wanted = gradient_wanted(student_logits)
    value, by_logits = _BATCH(
        student_logits.detach(),
        teacher_logits.detach(),
        rows,
        columns,
        options.temperature,
        p,
        teacher_first,
        solver != "scaling-float32",
        settings.regularization,
        settings.iterations,
        settings.pairing_penalty,
        settings.value == "entropic",
        solver == "scaling-float64-absorbed",
        wanted,
    )

    def cost() -> torch.Tensor:
        student, teacher = (
            probabilities(logits.detach(), options.temperature, logits.dtype)
            for logits in (student_logits, teacher_logits)
        )
        return batch_cost(student, teacher, p)

    def plan() -> torch.Tensor:
        planned = cost().to(solver_dtype(solver, student_logits.dtype))
        solution = LoopSolution(
            cost=planned.mT if teacher_first else planned,
            rows=rows,
            columns=columns,
            settings=settings,
            absorbed=solver == "scaling-float64-absorbed",
        )
        return solution.plan().mT if teacher_first else solution.plan()

    return Found(
        value=known_value(value, (student_logits,), (by_logits,)) if wanted else value,
        log_student=marginals.log_student,
        log_teacher=marginals.log_teacher,
        solver=solver,
        engine="numba",
        sweeps=settings.iterations,
        converged=None,
        plan=plan,
        cost=cost,
    )


def _batch(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    rows: torch.Tensor | None,
    columns: torch.Tensor | None,
    temperature: float,
    p: float,
    teacher_first: bool,
    double: bool,
    regularization: float,
    iterations: int,
    pairing_penalty: float,
    entropic: bool,
    absorbed: bool,
    differentiate: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    n, classes = student_logits.shape[-2:]
    if n * n <= _SMALL and classes < FEW_CLASSES and not (teacher_first or double or pairing_penalty or absorbed):
        entropy = regularization if entropic else 0.0
        numbers = temperature, p, regularization, iterations, entropy
        return _small_batch(student_logits, teacher_logits, rows, columns, *numbers, differentiate)
    student, teacher = softmax(stack(student_logits), temperature), softmax(stack(teacher_logits), temperature)
    # The teacher first is the transposed problem of the student first.
    distance = distances_between(*((teacher, student) if teacher_first else (student, teacher)), p)
    cost = distance.astype(np.float64, copy=False) if double else distance
    value, by_cost = solve(
        cost, rows, columns, regularization, iterations, pairing_penalty, entropic, absorbed, differentiate
    )
    values, shape = torch.from_numpy(value).reshape(student_logits.shape[:-2]), student_logits.shape
    if not differentiate:
        return values, student_logits.new_empty(0)
    upstream = by_cost.astype(distance.dtype, copy=False)
    if teacher_first:
        upstream, distance = (np.ascontiguousarray(matrix.swapaxes(1, 2)) for matrix in (upstream, distance))
    gradient = gradient_of_distances(upstream, student, teacher, p, distance)
    softmax_gradient(student, temperature, gradient)
    return values, torch.from_numpy(gradient).reshape(shape)


def _small_batch(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    rows: torch.Tensor | None,
    columns: torch.Tensor | None,
    temperature: float,
    p: float,
    regularization: float,
    iterations: int,
    entropy: float,
    differentiate: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    student, teacher = stack(student_logits), stack(teacher_logits)
    value = np.empty(len(student), student.dtype)
    by_logits = np.empty_like(student) if differentiate else student[:0].copy()
    small_batch(
        student,
        teacher,
        masses(rows, student.shape[:2], student.dtype),
        masses(columns, teacher.shape[:2], teacher.dtype),
        temperature,
        p,
        regularization,
        iterations,
        entropy,
        value,
        by_logits,
        differentiate,
    )
    shape = student_logits.shape if differentiate else 0
    return torch.from_numpy(value).reshape(student_logits.shape[:-2]), torch.from_numpy(by_logits).reshape(shape)


def _room(student_logits: torch.Tensor, *given: object) -> tuple[torch.Tensor, torch.Tensor]:
    double, differentiate = given[6], given[-1]
    value = student_logits.new_empty(student_logits.shape[:-2], dtype=torch.float64 if double else student_logits.dtype)
    shape = student_logits.shape if differentiate else 0
    return value, student_logits.new_empty(shape)


_BATCH = Operator(_batch, _room)
