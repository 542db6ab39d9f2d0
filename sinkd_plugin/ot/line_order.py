"""Two sets of points on a line, sorted, and where each lies among the other's."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True, eq=False)
class SortedPoints:
    """One side of a transport problem on the line.

    Args:
        points: ``(..., n)``, ascending.
        order: ``(..., n)``, where each sorted point was before.
        below: ``(..., n)``, how many of the other side's points are less than each; not descending.
        upto: ``(..., n)``, how many of the other side's points are less or equal.
    """

    points: torch.Tensor
    order: torch.Tensor
    below: torch.Tensor
    upto: torch.Tensor

    def sort(self, entries: torch.Tensor) -> torch.Tensor:
        """Entries that belong to the points as they came, in ascending order of the points."""
        return entries.gather(-1, self.order)

    def unsort(self, entries: torch.Tensor) -> torch.Tensor:
        """Entries in ascending order of the points, as the points came."""
        return torch.empty_like(entries).scatter_(-1, self.order, entries)


def sorted_sides(student: torch.Tensor, teacher: torch.Tensor) -> tuple[SortedPoints, SortedPoints]:
    """Sort both sides once; every sweep then needs sums over neighbours only.

    Args:
        student: ``(..., n)``.
        teacher: ``(..., m)``.

    Returns:
        The student's and the teacher's side. Ranks are found before anything is rounded, so that two points are equal
        here exactly if they are equal there.
    """
    rows, row_order = student.contiguous().sort(dim=-1)
    columns, column_order = teacher.contiguous().sort(dim=-1)
    below = torch.searchsorted(columns, rows)
    upto = torch.searchsorted(columns, rows, right=True)
    # x < y_j exactly if at most j of the sorted y are ≤ x, and x ≤ y_j exactly if at most j are < x.
    return (
        SortedPoints(points=rows, order=row_order, below=below, upto=upto),
        SortedPoints(
            points=columns,
            order=column_order,
            below=_counts_upto(upto, columns.shape[-1]),
            upto=_counts_upto(below, columns.shape[-1]),
        ),
    )


def _counts_upto(ranks: torch.Tensor, length: int) -> torch.Tensor:
    """How many ranks are at most j, for each j below ``length``."""
    histogram = ranks.new_zeros((*ranks.shape[:-1], length + 1))
    return histogram.scatter_add_(-1, ranks, torch.ones_like(ranks)).cumsum(dim=-1)[..., :length]
