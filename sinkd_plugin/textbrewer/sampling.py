"""A sample of a large group's rows for the transport term, whose cost grows with their square."""

from __future__ import annotations

from typing import Literal

import torch

MOST_WORK = 1 << 31
"""Rows squared times columns of the largest group that ``auto`` leaves whole: 258 rows at T5's vocabulary of 32,128."""

MaxRows = int | Literal["auto"] | None


def sampled(
    student: torch.Tensor, teacher: torch.Tensor, max_rows: MaxRows, *, seed: int, draw: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same rows of both sides, in their order; all, where there are not too many.

    Args:
        student: Logits ``(n, columns)``.
        teacher: The same shape.
        max_rows: Most rows; ``auto`` bounds ``n² · columns``; ``None`` takes all.
        seed: Of the run.
        draw: Number of the forward pass: each draws anew, and a resumed run as an uninterrupted one.
    """
    count, columns = student.shape
    most = int((MOST_WORK / columns) ** 0.5) if max_rows == "auto" else max_rows
    if most is None or count <= most:
        return student, teacher
    generator = torch.Generator().manual_seed((1_000_003 * seed + draw) % 2**32)
    rows = torch.randperm(count, generator=generator)[: max(most, 2)].sort().values.to(student.device)
    return student[rows], teacher[rows]
