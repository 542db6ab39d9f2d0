"""Sinkhorn's sweeps on logarithms: slower, and safe for any cost, regularization and number of sweeps."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sinkd_plugin.ot.engine import Engine
from sinkd_plugin.ot.sweeps import Gradient, SweepSettings, planning_cost, weighted_plan


@dataclass(frozen=True, kw_only=True, eq=False)
class LogSolution:
    """The logarithmic kernel and the potentials of every sweep.

    Potentials are finite for points without mass too: the logarithm of the mass is not part of them.

    Args:
        log_kernel: ``(..., n, m)``, ``-D/λ``.
        log_rows: ``(..., n)``, logarithm of the mass of each row; -inf for a row that does not count.
        log_columns: ``(..., m)``, the same for the columns.
        row_potentials: ``log u_t - log a`` for t from 1 to T.
        column_potentials: ``log v_t - log b`` for t from 1 to T.
        converged: ``(...)``, whether each problem met the tolerance; ``None`` if none was asked for.
        engine: What it was computed by.
    """

    log_kernel: torch.Tensor
    log_rows: torch.Tensor
    log_columns: torch.Tensor
    row_potentials: tuple[torch.Tensor, ...]
    column_potentials: tuple[torch.Tensor, ...]
    converged: torch.Tensor | None = None
    engine: Engine = "torch"

    @property
    def dtype(self) -> torch.dtype:
        """The type it was computed in."""
        return self.log_kernel.dtype

    @property
    def sweeps(self) -> int:
        """Sweeps done."""
        return len(self.row_potentials)

    def plan(self) -> torch.Tensor:
        """The plan (Eq. 17)."""
        log_u = (self.row_potentials[-1] + self.log_rows).unsqueeze(-1)
        log_v = (self.column_potentials[-1] + self.log_columns).unsqueeze(-2)
        return (self.log_kernel + log_u).add_(log_v).exp_()

    def value(self, cost: torch.Tensor, settings: SweepSettings) -> torch.Tensor:
        """The value of each problem."""
        return weighted_plan(self.plan(), cost, settings).sum(dim=(-2, -1))

    def value_and_gradient(self, cost: torch.Tensor, settings: SweepSettings) -> tuple[torch.Tensor, Gradient]:
        """The value of each problem, and the gradient of exactly these sweeps: logsumexp's derivative is a softmax."""
        plan = self.plan()
        by_kernel = weighted_plan(plan, cost, settings)
        by_row, by_column = by_kernel.sum(dim=-1), by_kernel.sum(dim=-2)
        value = by_row.sum(dim=-1)
        by_log_rows, by_log_columns = torch.zeros_like(by_row), torch.zeros_like(by_column)
        for t in reversed(range(self.sweeps)):
            by_log_columns += by_column
            share = self._column_share(t).mul_(by_column.unsqueeze(-2))
            by_kernel -= share
            by_row = by_row - share.sum(dim=-1)
            by_log_rows += by_row
            share = self._row_share(t).mul_(by_row.unsqueeze(-1))
            by_kernel -= share
            by_row, by_column = torch.zeros_like(by_row), -share.sum(dim=-2)
        by_cost = by_kernel.div_(-settings.regularization).add_(plan)
        return value, Gradient(cost=by_cost, log_rows=by_log_rows, log_columns=by_log_columns)

    def _column_share(self, t: int) -> torch.Tensor:
        """What each row holds of a column's sum when the columns are scaled."""
        log_u = (self.row_potentials[t] + self.log_rows).unsqueeze(-1)
        return (self.log_kernel + log_u).add_(self.column_potentials[t].unsqueeze(-2)).exp_()

    def _row_share(self, t: int) -> torch.Tensor:
        """What each column holds of a row's sum when the rows are scaled."""
        log_v = self.column_potentials[t - 1] + self.log_columns if t else _start(self.log_columns)
        return (self.log_kernel + log_v.unsqueeze(-2)).add_(self.row_potentials[t].unsqueeze(-1)).exp_()


def solve_in_logarithms(
    cost: torch.Tensor, log_rows: torch.Tensor, log_columns: torch.Tensor, settings: SweepSettings
) -> LogSolution:
    """Sweep on potentials.

    Args:
        cost: ``(..., n, m)``.
        log_rows: ``(..., n)``, logarithm of the mass of each row.
        log_columns: ``(..., m)``, the same for the columns.
        settings: Regularization, sweeps, tolerance and penalty.
    """
    log_kernel = planning_cost(cost, settings) / -settings.regularization
    row_potentials: list[torch.Tensor] = []
    column_potentials: list[torch.Tensor] = []
    row_potential = -torch.logsumexp(log_kernel + _start(log_columns).unsqueeze(-2), dim=-1)
    converged: torch.Tensor | None = None
    while len(row_potentials) < settings.iterations and (converged is None or not bool(converged.all())):
        row_potentials.append(row_potential)
        column_potentials.append(-torch.logsumexp(log_kernel + (row_potential + log_rows).unsqueeze(-1), dim=-2))
        if settings.tolerance is None and len(row_potentials) == settings.iterations:
            break
        row_potential = -torch.logsumexp(log_kernel + (column_potentials[-1] + log_columns).unsqueeze(-2), dim=-1)
        if settings.tolerance is not None:
            converged = _misplaced(row_potentials[-1] - row_potential, log_rows) <= settings.tolerance
    return LogSolution(
        log_kernel=log_kernel,
        log_rows=log_rows,
        log_columns=log_columns,
        row_potentials=tuple(row_potentials),
        column_potentials=tuple(column_potentials),
        converged=converged,
    )


def _start(log_columns: torch.Tensor) -> torch.Tensor:
    """``log v_0 = 0`` (Eq. 14), but a column that does not count takes no part in the first sums either."""
    return torch.zeros_like(log_columns).masked_fill_(log_columns == -torch.inf, -torch.inf)


def _misplaced(log_ratio: torch.Tensor, log_rows: torch.Tensor) -> torch.Tensor:
    """Share of each problem's mass at the wrong row: a plan's row sums are its masses times two sweeps' ratio."""
    masses = log_rows.exp()
    return (log_ratio.expm1().abs() * masses).sum(dim=-1) / (2 * masses.sum(dim=-1))
