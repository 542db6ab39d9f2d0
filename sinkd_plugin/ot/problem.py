"""From predictions and weights to a transport problem, and from there to the way it is solved."""

from __future__ import annotations

import math

import torch

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.ot.batch import batch_transport, largest_batch_cost
from sinkd_plugin.ot.cost import flattened_cost, sample_cost
from sinkd_plugin.ot.dense import choose, dense_transport, settings_of
from sinkd_plugin.ot.distances import by_loops
from sinkd_plugin.ot.engine import kernel_applies, loops_apply, loops_sweep
from sinkd_plugin.ot.found import Found
from sinkd_plugin.ot.marginals import Marginals
from sinkd_plugin.ot.on_line import line_suffices, transport_on_line
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.probabilities import log_probabilities, probabilities, widest

_ROWS_FOR_LINE = 512
"""Rows of two classes from which on sorting is cheaper than the matrix between them."""

_ROWS_FOR_LINE_BY_LOOPS = 320
"""The same for compiled loops."""
_LARGEST_MATRIX = 2**14
"""Points of one problem on the line whose matrix, 2 GiB, may still be formed."""


def predictions(logits: torch.Tensor, options: TransportOptions, dtype: torch.dtype) -> torch.Tensor:
    """What ``solve_problem`` takes: log-probabilities where they are masses, probabilities otherwise.

    Args:
        logits: ``(..., n, classes)``.
        options: Temperature and cost.
        dtype: Type to compute in.
    """
    if options.cost == "sample":
        # As masses both sides have to have one sum, to more digits than float32 has.
        return log_probabilities(logits, options.temperature, widest(logits.device))
    return probabilities(logits, options.temperature, dtype)


def solve_in_one(
    student_logits: torch.Tensor, teacher_logits: torch.Tensor, marginals: Marginals, options: TransportOptions
) -> Found | None:
    """Solve the paper's problem from the logits on, where loops or a kernel can; ``None`` where none of them can.

    Args:
        student_logits: ``(..., n, classes)``, of the type to compute in.
        teacher_logits: ``(..., n, classes)``.
        marginals: How much each row counts.
        options: Which problem, and how.
    """
    usual = options.cost == "batch" and options.plan_gradient == "unrolled" and options.tolerance is None
    if not usual or options.debiased or _lies_on_line(student_logits, options):
        return None
    n, p = student_logits.shape[-2], float(options.p)
    if kernel_applies(student_logits):
        from sinkd_plugin.ot.fused.fused_batch import batch_by_kernel, kernel_solves

        if kernel_solves(options, choose(n, student_logits, options, largest_batch_cost(p))):
            return batch_by_kernel(student_logits, teacher_logits, marginals, options)
    if not by_loops(student_logits, teacher_logits, p) or not loops_sweep(student_logits, n * n):
        return None
    solver = choose(n, student_logits, options, largest_batch_cost(p))
    if solver in ("log", "newton"):
        return None
    from sinkd_plugin.ot.loops.loop_batch import batch_by_loops

    return batch_by_loops(student_logits, teacher_logits, marginals, options, settings_of(options), solver)


def solve_problem(
    student: torch.Tensor, teacher: torch.Tensor, marginals: Marginals, options: TransportOptions
) -> Found:
    """Solve the problem that ``options.cost`` names, for each group.

    Args:
        student: ``(..., n, classes)``, as ``predictions`` gives them.
        teacher: ``(..., n, classes)``.
        marginals: How much each row counts.
        options: Which problem, and how.

    Returns:
        Problems ``(...)``, or ``(..., n)`` for ``cost="sample"``, of mass 1 each.
    """
    if options.cost == "sample":
        return _sample(student, teacher, options)
    if options.cost == "flattened":
        return _flattened(student, teacher, marginals, options)
    return _batch(student, teacher, marginals, options)


def _batch(student: torch.Tensor, teacher: torch.Tensor, marginals: Marginals, options: TransportOptions) -> Found:
    """Between rows (Eq. 13)."""
    if _lies_on_line(student, options):
        largest = largest_batch_cost(float(options.p))
        points = student[..., 0] * largest, teacher[..., 0] * largest
        masses = marginals.log_student, marginals.log_teacher
        return transport_on_line(*points, *masses, options, largest_cost=largest)
    return batch_transport(student, teacher, marginals, options)


def _lies_on_line(rows: torch.Tensor, options: TransportOptions) -> bool:
    """Whether to solve the problem between rows on a line: those of two classes have one degree of freedom."""
    if rows.shape[-1] != 2 or not line_suffices(options):
        return False
    return rows.shape[-2] >= (_ROWS_FOR_LINE_BY_LOOPS if loops_apply(rows) else _ROWS_FOR_LINE)


def _flattened(student: torch.Tensor, teacher: torch.Tensor, marginals: Marginals, options: TransportOptions) -> Found:
    """Between all single probabilities (Eq. 20); a row's mass is shared evenly by its entries."""
    classes = student.shape[-1]
    mine, theirs = (
        (side - math.log(classes)).unsqueeze(-1).expand(student.shape).flatten(-2)
        for side in (marginals.log_student, marginals.log_teacher)
    )
    if line_suffices(options):
        return transport_on_line(student.flatten(-2), teacher.flatten(-2), mine, theirs, options, largest_cost=1.0)
    _check_room(mine, options)
    return dense_transport(flattened_cost(student, teacher), mine, theirs, options, largest_cost=1.0)


def _sample(student: torch.Tensor, teacher: torch.Tensor, options: TransportOptions) -> Found:
    """Each row is a problem of its own, whose marginals are the probabilities themselves (Eq. 5)."""
    mine, theirs = (student.exp(), teacher.exp()) if options.pairing == "consistent" else (teacher.exp(), student.exp())
    # A class of probability zero is the limit of a small one: it takes part in the first sums (v_0 = 1, Eq. 14).
    masses = [side.clamp_min(torch.finfo(side.dtype).min / 4) for side in (student, teacher)]
    if line_suffices(options):
        return transport_on_line(mine, theirs, masses[0], masses[1], options, largest_cost=1.0)
    _check_room(mine, options)
    return dense_transport(sample_cost(mine, theirs), masses[0], masses[1], options, largest_cost=1.0, by_masses=True)


def _check_room(points: torch.Tensor, options: TransportOptions) -> None:
    """Raise where a matrix between all points would be asked for by options that only it can serve."""
    if points.shape[-1] > _LARGEST_MATRIX:
        raise LossInputError(
            f"Beyond {_LARGEST_MATRIX} points, cost='{options.cost}' is solved without the matrix between them.",
            received=f"{points.shape[-1]} points and an option that needs the matrix",
            cure="Leave 'acceleration' and 'plan_gradient' at their defaults.",
        )
