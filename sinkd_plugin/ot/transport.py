"""The Sinkhorn distance between the predictions of a student and a teacher."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.ot.checks import check_pair, check_rows, check_values, usable_rows
from sinkd_plugin.ot.found import Found
from sinkd_plugin.ot.marginals import Marginals, check_weights, uniform_marginals, weighted_marginals
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.probabilities import full_precision, loss_dtype
from sinkd_plugin.ot.problem import predictions, solve_in_one, solve_problem
from sinkd_plugin.ot.result import TransportResult
from sinkd_plugin.ot.transforms import refuse_forward_mode, transformed, transforming


def sinkhorn_distance(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    options: TransportOptions,
    *,
    student_weights: torch.Tensor | None = None,
    teacher_weights: torch.Tensor | None = None,
) -> TransportResult:
    """``<P, D>`` between two groups of rows, with the plan P after T sweeps.

    Args:
        student_logits: ``(n, classes)``, or ``(..., n, classes)`` for many groups at once, each on its own.
        teacher_logits: The same shape; never receives a gradient.
        options: Temperature, regularization, sweeps, cost and scale.
        student_weights: ``(..., n)``, how much each of the student's rows counts, up to a factor (Eq. 15); 0 for a row
            that does not, whatever it holds. All alike by default.
        teacher_weights: ``(..., n)``, the same for the teacher; the student's by default, and always for
            ``cost="sample"``.

    Returns:
        The value, of the wider type of both logits and at least float32, with plan and diagnostics. No rows give 0,
        one row gives the distance between both, one class gives 0.

    Raises:
        LossInputError: If the logits are no two equally shaped matrices on one device, a row holds NaN, +inf, or
            nothing but -inf (unless such rows are to be skipped), or weights are not usable.
    """
    check_rows(student_logits)
    check_pair(student_logits, teacher_logits)
    refuse_forward_mode(student_logits)
    if transforming():
        return _under_transform(student_logits, teacher_logits, options, student_weights, teacher_weights)
    if options.tolerance is not None and torch.compiler.is_compiling() and not torch.compiler.is_dynamo_compiling():
        raise LossInputError(
            "Whether a tolerance is met can only be seen in values, which an exported graph has none of.",
            received=f"tolerance {options.tolerance:g} under torch.export",
            cure="Sweep a fixed number of times.",
        )
    dtype = loss_dtype(student_logits, teacher_logits)
    weights = _weights(student_logits, student_weights, teacher_weights, options)
    if weights:
        # What does not count may hold anything, as padding does.
        student_logits, teacher_logits = (
            logits.masked_fill((side == 0).unsqueeze(-1), 0.0)
            for logits, side in zip((student_logits, teacher_logits), weights, strict=True)
        )
    with full_precision(student_logits.device):
        if student_logits.numel() == 0:
            return _nothing_to_move(student_logits.to(dtype), options)
        if options.on_nonfinite == "skip":
            return _of_finite_rows(student_logits, teacher_logits.detach(), weights, options, dtype)
        marginals = weighted_marginals(*weights) if weights else uniform_marginals(student_logits)
        result = _distance(student_logits, teacher_logits.detach(), marginals, options, dtype)
        # A row that is not usable makes the value NaN: to look at one number is cheaper than to look at every row.
        # In a traced graph nothing can be looked at, and the NaN is what says so.
        if not torch.compiler.is_compiling() and not _all_finite(result.value):
            check_values(student_logits, teacher_logits)
        return result


def _under_transform(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    options: TransportOptions,
    student_weights: torch.Tensor | None,
    teacher_weights: torch.Tensor | None,
) -> TransportResult:
    """The value alone: a plan would belong to the plain tensors beneath."""

    def distance(
        student: torch.Tensor, teacher: torch.Tensor, mine: torch.Tensor | None, theirs: torch.Tensor | None
    ) -> torch.Tensor:
        return sinkhorn_distance(student, teacher, options, student_weights=mine, teacher_weights=theirs).value

    def hidden() -> Any:
        raise LossInputError(
            "Under a transform of torch.func the distance has its value alone.",
            received="a question for its plan",
            cure="Ask outside of the transform; groups (..., n, classes) need no vmap.",
        )

    return TransportResult(
        value=transformed(distance, student_logits, teacher_logits, student_weights, teacher_weights),
        iterations=options.iterations,
        solver="transformed",
        find_plan=hidden,
        find_cost=hidden,
        find_marginals=hidden,
    )


def _weights(
    logits: torch.Tensor, student: torch.Tensor | None, teacher: torch.Tensor | None, options: TransportOptions
) -> tuple[torch.Tensor, torch.Tensor] | None:
    if student is None and teacher is None:
        return None
    if teacher is not None and options.cost == "sample":
        raise LossInputError(
            "Under cost='sample' a row has one weight: each is compared with its own.",
            received="teacher_weights",
            cure="Give student_weights alone.",
        )
    student = torch.ones_like(logits[..., 0]) if student is None else student
    teacher = student if teacher is None else teacher
    check_weights("student_weights", student, logits)
    check_weights("teacher_weights", teacher, logits)
    return student, teacher


def _of_finite_rows(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    weights: tuple[torch.Tensor, torch.Tensor] | None,
    options: TransportOptions,
    dtype: torch.dtype,
) -> TransportResult:
    """Leave out rows that are unusable on either side, by weight, so that no shape depends on values."""
    kept = usable_rows(student_logits) & usable_rows(teacher_logits)
    if weights is None and not torch.compiler.is_compiling() and bool(kept.all()):
        marginals = uniform_marginals(student_logits)
    else:
        student, teacher = weights or (torch.ones_like(kept, dtype=dtype), torch.ones_like(kept, dtype=dtype))
        marginals = weighted_marginals(student * kept, teacher * kept)
    student_logits, teacher_logits = (
        logits.masked_fill(~kept.unsqueeze(-1), 0.0) for logits in (student_logits, teacher_logits)
    )
    result = _distance(student_logits, teacher_logits, marginals, options, dtype)
    return replace(result, value=result.value * kept.any(dim=-1), skipped_rows=(~kept).sum())


def _distance(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    marginals: Marginals,
    options: TransportOptions,
    dtype: torch.dtype,
) -> TransportResult:
    in_one = solve_in_one(student_logits.to(dtype), teacher_logits.to(dtype), marginals, options)
    if in_one is not None:
        in_one = replace(in_one, value=in_one.value.to(dtype))
        return _result(in_one, marginals, options, classes=student_logits.shape[-1])
    student, teacher = (predictions(logits, options, dtype) for logits in (student_logits, teacher_logits))
    found = solve_problem(student, teacher, marginals, options)
    value, converged = _of_group(found.value, marginals, options), found.converged
    if options.debiased:
        for side, masses in ((student, marginals.log_student), (teacher, marginals.log_teacher)):
            own = replace(marginals, log_student=masses, log_teacher=masses)
            # A compiler does not trace a function that is given one tensor twice.
            other = side.clone() if torch.compiler.is_compiling() else side
            itself = solve_problem(side, other, own, options)
            value = value - _of_group(itself.value, own, options) / 2
            if converged is not None and itself.converged is not None:
                converged = converged & itself.converged
    if converged is not None and options.cost == "sample":
        converged = converged.all(dim=-1)
    found = replace(found, value=value.to(dtype), converged=converged)
    return _result(found, marginals, options, classes=student_logits.shape[-1])


def _of_group(values: torch.Tensor, marginals: Marginals, options: TransportOptions) -> torch.Tensor:
    """One value for each group: of problems that are rows, their mean by weight."""
    if options.cost != "sample":
        return values
    if marginals.uniform:
        return values.mean(dim=-1)
    return (values * marginals.log_student.exp()).sum(dim=-1)


def _result(found: Found, marginals: Marginals, options: TransportOptions, *, classes: int) -> TransportResult:
    mass = _mass(marginals, options, classes)

    def scaled(tensor: torch.Tensor) -> torch.Tensor:
        """From mass 1 in each problem to the mass asked for in each group."""
        if options.cost == "sample":
            share = marginals.log_student.exp()
            tensor = tensor * share.reshape(share.shape + (1,) * (tensor.dim() - share.dim()))
        if isinstance(mass, int):
            return tensor if mass == 1 else tensor * mass
        return tensor * mass.reshape(mass.shape + (1,) * (tensor.dim() - mass.dim()))

    return TransportResult(
        value=found.value if isinstance(mass, int) and mass == 1 else found.value * mass,
        iterations=found.sweeps,
        converged=found.converged,
        solver=found.solver,
        engine=found.engine,
        find_plan=lambda: scaled(found.plan()),
        find_cost=found.cost,
        find_marginals=lambda: (scaled(found.log_student.detach().exp()), scaled(found.log_teacher.detach().exp())),
    )


def _mass(marginals: Marginals, options: TransportOptions, classes: int) -> int | torch.Tensor:
    if options.reduction == "mean":
        return 1
    return marginals.rows * classes if options.cost == "flattened" else marginals.rows


def _all_finite(values: torch.Tensor) -> bool:
    return math.isfinite(values.item()) if values.dim() == 0 else bool(values.isfinite().all())


def _nothing_to_move(logits: torch.Tensor, options: TransportOptions) -> TransportResult:
    """Zero, and still a function of the logits, so that ``backward`` works."""
    leading = logits.shape[:-2]
    empty, none = logits.new_zeros((*leading, 0, 0)), logits.new_zeros((*leading, 0))
    return TransportResult(
        value=logits.sum(dim=(-2, -1)),
        iterations=0,
        converged=None if options.tolerance is None else torch.ones(leading, dtype=torch.bool, device=logits.device),
        find_plan=lambda: empty,
        find_cost=lambda: empty,
        find_marginals=lambda: (none, none),
    )
