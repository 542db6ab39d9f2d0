"""What logits must hold to before a loss looks at them."""

from __future__ import annotations

import torch

from sinkd_plugin.errors import LossInputError

_NAMED_ROWS = 8
"""How many bad rows a message names before it only counts them."""


def check_logits(student_logits: torch.Tensor, teacher_logits: torch.Tensor) -> None:
    """Raise unless both logits are usable and of one shape.

    Looking for NaN reads the values, which makes an accelerator wait.

    Args:
        student_logits: ``(..., classes)``.
        teacher_logits: ``(..., classes)``.

    Raises:
        LossInputError: If the two differ in shape or device, hold no floating-point numbers or no classes, or if a row
            holds NaN, +inf, or nothing but -inf.
    """
    check_pair(student_logits, teacher_logits)
    check_values(student_logits, teacher_logits)


def check_rows(student_logits: torch.Tensor) -> None:
    """Raise unless the logits are ``(rows, classes)``, or groups of such.

    Raises:
        LossInputError: If they have fewer than two dimensions.
    """
    if student_logits.dim() < 2:
        raise _no_matrix(student_logits)


def check_matrix(student_logits: torch.Tensor) -> None:
    """Raise unless the logits are ``(rows, classes)``.

    Raises:
        LossInputError: If they have fewer or more than two dimensions.
    """
    if student_logits.dim() != 2:
        raise _no_matrix(student_logits)


def _no_matrix(logits: torch.Tensor) -> LossInputError:
    return LossInputError(
        "Logits must be a matrix (rows, classes): the plan is between rows.",
        received=f"shape {tuple(logits.shape)}",
        cure="Flatten the leading dimensions and keep only the rows that are supervised.",
    )


def check_pair(student_logits: torch.Tensor, teacher_logits: torch.Tensor) -> None:
    """Raise unless both logits are numbers of one shape on one device; looks at no value.

    Raises:
        LossInputError: If they are not.
    """
    if student_logits.shape != teacher_logits.shape:
        raise LossInputError(
            "Student and teacher logits must have one shape.",
            received=f"{tuple(student_logits.shape)} and {tuple(teacher_logits.shape)}",
            cure="Give both the same rows and the same classes in the same order.",
        )
    if student_logits.dim() == 0 or student_logits.shape[-1] == 0:
        raise LossInputError(
            "Logits must have at least one class in their last dimension.",
            received=f"shape {tuple(student_logits.shape)}",
        )
    if student_logits.device != teacher_logits.device:
        raise LossInputError(
            "Student and teacher logits must lie on one device.",
            received=f"{student_logits.device} and {teacher_logits.device}",
            cure="Move the teacher's logits: teacher_logits.to(student_logits.device).",
        )
    for name, logits in (("student_logits", student_logits), ("teacher_logits", teacher_logits)):
        if not logits.is_floating_point():
            raise LossInputError(
                f"{name} must hold floating-point numbers.", received=str(logits.dtype), cure="Convert with .float()."
            )


def check_values(student_logits: torch.Tensor, teacher_logits: torch.Tensor) -> None:
    """Raise if a row is not usable, with its number; makes an accelerator wait.

    Raises:
        LossInputError: If a row holds NaN, +inf, or nothing but -inf.
    """
    for name, logits in (("student_logits", student_logits), ("teacher_logits", teacher_logits)):
        bad = ~usable_rows(logits).flatten()
        if bool(bad.any()):
            raise LossInputError(
                f"Every row of {name} must hold a finite number, and neither NaN nor +inf.",
                received=_rows(bad.nonzero().flatten().tolist(), len(bad)),
                cure="Drop padded rows before the loss; otherwise look for an overflow in the forward pass.",
            )


def usable_rows(logits: torch.Tensor) -> torch.Tensor:
    """Which rows hold a finite number, and neither NaN nor +inf.

    Args:
        logits: ``(..., classes)``, with at least one class.
    """
    # The largest entry of a row is finite exactly if no entry is NaN or +inf and at least one is not -inf.
    return logits.detach().amax(dim=-1).isfinite()


def _rows(bad: list[int], total: int) -> str:
    named = ", ".join(str(row) for row in bad[:_NAMED_ROWS])
    more = f" and {len(bad) - _NAMED_ROWS} more" if len(bad) > _NAMED_ROWS else ""
    return f"bad rows {named}{more} of {total}"
