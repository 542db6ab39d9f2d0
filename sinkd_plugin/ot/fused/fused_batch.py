"""The paper's problem by one launch of a fused kernel."""

from __future__ import annotations

import torch
import triton

from sinkd_plugin.ot.cost import batch_cost
from sinkd_plugin.ot.dense import solve_dense
from sinkd_plugin.ot.found import Found
from sinkd_plugin.ot.fused.kernel import sinkhorn_group
from sinkd_plugin.ot.known import gradient_wanted, known_value
from sinkd_plugin.ot.marginals import Marginals
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.probabilities import probabilities
from sinkd_plugin.ot.solver import SolverName


def kernel_solves(options: TransportOptions, solver: SolverName) -> bool:
    """Whether the options ask for what the kernel computes.

    Args:
        options: Of a problem between rows, with the gradient of its sweeps.
        solver: What ``choose_solver`` says.
    """
    as_printed = options.p == 1 and options.rows == "student" and options.value == "transport"
    return as_printed and solver == "scaling-float32" and not options.pairing_penalty


def batch_by_kernel(
    student_logits: torch.Tensor, teacher_logits: torch.Tensor, marginals: Marginals, options: TransportOptions
) -> Found:
    """Solve the problem between rows (Eqs. 13-18).

    Args:
        student_logits: ``(..., n, classes)``, float32.
        teacher_logits: ``(..., n, classes)``.
        marginals: How much each row counts.
        options: What ``kernel_solves``.

    Returns:
        The value is differentiable by the student's logits.
    """
    student, teacher = (
        probabilities(logits, options.temperature, logits.dtype) for logits in (student_logits, teacher_logits)
    )
    rows = columns = None
    if not marginals.uniform:
        rows, columns = (side.exp() * side.shape[-1] for side in (marginals.log_student, marginals.log_teacher))
    value, by_student = fused_batch(
        student,
        teacher,
        rows,
        columns,
        regularization=options.regularization,
        iterations=options.iterations,
        differentiate=gradient_wanted(student),
    )

    def cost() -> torch.Tensor:
        return batch_cost(student.detach(), teacher.detach(), 1.0)

    def plan() -> torch.Tensor:
        found, _ = solve_dense(
            cost(), marginals.log_student, marginals.log_teacher, options, solver="scaling-float32", differentiate=False
        )
        return found.plan()

    return Found(
        value=known_value(value, (student,), (by_student,)) if by_student is not None else value,
        log_student=marginals.log_student,
        log_teacher=marginals.log_teacher,
        solver="scaling-float32",
        engine="triton",
        sweeps=options.iterations,
        converged=None,
        plan=plan,
        cost=cost,
    )


def fused_batch(
    student: torch.Tensor,
    teacher: torch.Tensor,
    rows: torch.Tensor | None,
    columns: torch.Tensor | None,
    *,
    regularization: float,
    iterations: int,
    differentiate: bool,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The value of each group, and its derivative by the student's probabilities.

    Args:
        student: ``(..., n, classes)`` probabilities, float32.
        teacher: ``(..., m, classes)``.
        rows: ``(..., n)``, n times the mass of each of the student's rows; ``None`` for ones.
        columns: ``(..., m)``, n times the mass of each of the teacher's rows; ``None`` for ones.
        regularization: λ, at least 2/25, so that float32 holds everything.
        iterations: T.
        differentiate: Whether the derivative is wanted.

    Returns:
        ``(...)`` and ``(..., n, classes)``.
    """
    (n, classes), m = student.shape[-2:], teacher.shape[-2]
    student, teacher = student.detach().contiguous(), teacher.detach().contiguous()
    groups = student.numel() // (n * classes)
    value, by_student = student.new_empty(student.shape[:-2]), torch.empty_like(student)
    sinkhorn_group[(groups,)](
        student,
        teacher,
        _masses(rows, groups, student, n),
        _masses(columns, groups, student, m),
        student.new_empty(groups, iterations + 1, n),
        student.new_empty(groups, iterations + 1, m),
        value,
        by_student,
        n,
        m,
        classes,
        regularization,
        iterations,
        N=max(triton.next_power_of_2(n), 16),
        M=max(triton.next_power_of_2(m), 16),
        DIFFERENTIATE=differentiate,
        num_warps=warps(max(n, m)),
    )
    return value, by_student if differentiate else None


def warps(rows: int) -> int:
    """So many that no thread runs out of registers: its share of each ``rows × rows`` tile is at most 32 numbers."""
    return 4 if rows <= 32 else 8 if rows <= 64 else 16


def _masses(given: torch.Tensor | None, groups: int, like: torch.Tensor, points: int) -> torch.Tensor:
    if given is None:
        return like.new_ones(groups, points)
    return given.to(like.dtype).reshape(groups, points).contiguous()
