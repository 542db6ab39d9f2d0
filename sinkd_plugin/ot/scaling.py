"""Sinkhorn's sweeps on two vectors of scalings: the plan is ``diag(u) K diag(v)`` and is not formed while sweeping."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sinkd_plugin.ot.sweeps import Gradient, SweepSettings, planning_cost, row_blocks, weighted_plan


@dataclass(frozen=True, kw_only=True, eq=False)
class ScalingSolution:
    """The kernel and the scalings of every sweep.

    A vector over the points is ``(n,)``, or ``(groups, n, 1)`` for a stack of problems.

    Args:
        kernel: ``(n, m)`` or ``(groups, n, m)``, ``K = exp(-D/λ)`` up to factors of its rows and columns.
        rows: Mass of each row; 0 for a row that does not count.
        columns: Mass of each column.
        row_scalings: ``u_1 … u_T``, stacked.
        column_scalings: ``v_0 … v_T``, stacked.
        converged: Whether the tolerance was met; ``None`` if none was asked for.
    """

    kernel: torch.Tensor
    rows: torch.Tensor
    columns: torch.Tensor
    row_scalings: torch.Tensor
    column_scalings: torch.Tensor
    converged: bool | None = None

    @property
    def sweeps(self) -> int:
        """Sweeps done."""
        return self.row_scalings.shape[0]

    def plan(self, rows: slice = slice(None)) -> torch.Tensor:
        """The plan, ``P = diag(u) K diag(v)`` (Eq. 17), or some of its rows."""
        left, right = self._last()
        return (self.kernel[..., rows, :] * left[..., rows, :]).mul_(right)

    def replay(self, cost: torch.Tensor, settings: SweepSettings) -> Gradient:
        """The gradient of exactly these sweeps.

        What a half-sweep adds to the derivative by the kernel has rank one, so that all of them are one product of
        ``(n, 2T)`` and ``(2T, m)``; what runs through the sweeps are two vectors.
        """
        pulled_rows, pulled_columns = self._backwards(*self._sums(cost, settings))
        sum_of_ranks = _product(self.row_scalings, pulled_columns, cost)
        sum_of_ranks += _product(pulled_rows, self.column_scalings[:-1], cost)
        for rows in row_blocks(cost):
            block = sum_of_ranks[..., rows, :]
            plan = self.plan(rows)
            block.mul_(self.kernel[..., rows, :]).sub_(weighted_plan(plan, cost[..., rows, :], settings))
            block.div_(settings.regularization).add_(plan)
        return Gradient(cost=sum_of_ranks)

    def _last(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The last scalings as a column and as a row."""
        u, v = self.row_scalings[-1], self.column_scalings[-1]
        return (u.unsqueeze(-1), v) if u.dim() == 1 else (u, v.mT)

    def _sums(self, cost: torch.Tensor, settings: SweepSettings) -> tuple[torch.Tensor, torch.Tensor]:
        """What the value gains from a relative change of each of the last scalings."""
        row_sums, column_sums = torch.empty_like(self.rows), torch.zeros_like(self.columns)
        for rows in row_blocks(cost):
            weighted = weighted_plan(self.plan(rows), cost[..., rows, :], settings)
            block = row_sums[..., rows, :] if row_sums.dim() == 3 else row_sums[rows]
            block.copy_(weighted.sum(dim=-1).view_as(block))
            column_sums += weighted.sum(dim=-2).view_as(column_sums)
        return row_sums, column_sums

    def _backwards(self, row_sums: torch.Tensor, column_sums: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pull both sums through the half-sweeps ``u = a / (K v)`` and ``v = b / (Kᵀ u)``, last to first.

        With ``r_t`` and ``c_t`` the derivatives by log u_t and log v_t, returns ``r_t u_t / a`` and ``c_t v_t / b``:
        the log of a quotient's divisor hands them on as ``r_t = -u_t ∘ K (c_t v_t / b)`` and
        ``c_(t-1) = -v_(t-1) ∘ Kᵀ (r_t u_t / a)``.
        """
        row_squares, column_squares = (
            _per_mass(self.row_scalings, self.rows).mul_(self.row_scalings).neg_(),
            _per_mass(self.column_scalings, self.columns).mul_(self.column_scalings).neg_(),
        )
        pulled_rows, pulled_columns = torch.empty_like(row_squares), torch.empty_like(column_squares[1:])
        y, x, transposed = pulled_rows.unbind(), pulled_columns.unbind(), self.kernel.mT
        torch.mul(column_sums, _per_mass(self.column_scalings[-1], self.columns), out=x[-1])
        for t in reversed(range(self.sweeps)):
            _multiply(self.kernel, x[t], y[t]).mul_(row_squares[t])
            if t == self.sweeps - 1:
                y[t].addcmul_(row_sums, _per_mass(self.row_scalings[-1], self.rows))
            if t > 0:
                _multiply(transposed, y[t], x[t - 1]).mul_(column_squares[t])
        return pulled_rows, pulled_columns


def solve_by_scaling(
    cost: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, settings: SweepSettings, *, absorbed: bool
) -> ScalingSolution:
    """Sweep on scalings.

    Args:
        cost: ``(n, m)`` or ``(groups, n, m)``, of the type to compute in.
        rows: ``(..., n)``, mass of each row; 0 for a row that does not count.
        columns: ``(..., m)``, the same for the columns.
        settings: Regularization, sweeps, tolerance and penalty.
        absorbed: Divide the kernel by the largest entries of its rows and then of its columns, so that each has a 1.
    """
    rows, columns = _stacked(rows, cost), _stacked(columns, cost)
    start = (columns > 0).to(cost.dtype)
    cost = planning_cost(cost, settings)
    if absorbed:
        cost, column_shift = _shift(cost, rows, columns)
        start = start * (column_shift / -settings.regularization).exp_()
    kernel = (cost / -settings.regularization).exp_()
    row_scalings = kernel.new_empty((settings.iterations, *rows.shape))
    column_scalings = kernel.new_empty((settings.iterations + 1, *columns.shape))
    column_scalings[0] = start
    sweeps, converged = _sweep(kernel, (rows, columns), row_scalings.unbind(), column_scalings.unbind(), settings)
    return ScalingSolution(
        kernel=kernel,
        rows=rows,
        columns=columns,
        row_scalings=row_scalings[:sweeps],
        column_scalings=column_scalings[: sweeps + 1],
        converged=converged,
    )


def _sweep(
    kernel: torch.Tensor,
    masses: tuple[torch.Tensor, torch.Tensor],
    u: tuple[torch.Tensor, ...],
    v: tuple[torch.Tensor, ...],
    settings: SweepSettings,
) -> tuple[int, bool | None]:
    """Fill in the scalings, each sweep the rows and then the columns (Eqs. 14-16, by quotients)."""
    rows, columns = masses
    transposed = kernel.mT
    for t in range(settings.iterations):
        row_sums = _multiply(kernel, v[t], u[t])
        if settings.tolerance is not None and t > 0 and misplaced(u[t - 1] * row_sums, rows) <= settings.tolerance:
            return t, True
        torch.div(rows, row_sums, out=u[t])
        column_sums = _multiply(transposed, u[t], v[t + 1])
        torch.div(columns, column_sums, out=v[t + 1])
    if settings.tolerance is None:
        return settings.iterations, None
    return settings.iterations, misplaced(u[-1] * (kernel @ v[-1]), rows) <= settings.tolerance


def misplaced(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Share of the mass that lies at the wrong point of one side, over all problems of a stack; reads the value."""
    return float((found - wanted).abs().sum() / (2 * wanted.sum()))


def _shift(cost: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Subtract each row's least cost, then each column's; points without mass have no say in it."""
    row_column, column_row = (rows, columns.unsqueeze(-1).mT) if rows.dim() == 1 else (rows, columns.mT)
    row_column = row_column.unsqueeze(-1) if rows.dim() == 1 else row_column
    shifted = cost - cost.masked_fill(column_row == 0, torch.inf).amin(dim=-1, keepdim=True)
    column_shift = shifted.masked_fill(row_column == 0, torch.inf).amin(dim=-2, keepdim=True)
    return shifted.sub_(column_shift), column_shift.mT.reshape(columns.shape)


def _stacked(masses: torch.Tensor, cost: torch.Tensor) -> torch.Tensor:
    masses = masses.to(cost.dtype)
    return masses if cost.dim() == 2 else masses.unsqueeze(-1)


def _multiply(matrix: torch.Tensor, vector: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    if matrix.dim() == 2:
        return torch.mv(matrix, vector, out=out)
    return torch.bmm(matrix, vector, out=out)


def _per_mass(scalings: torch.Tensor, masses: torch.Tensor) -> torch.Tensor:
    """Scalings over masses; 0 where there is no mass, since there the scaling is 0."""
    return scalings / masses.clamp_min(torch.finfo(masses.dtype).tiny)


def _product(left: torch.Tensor, right: torch.Tensor, cost: torch.Tensor) -> torch.Tensor:
    """Sum over the sweeps of the outer products of two vectors each."""
    if cost.dim() == 2:
        return left.mT @ right
    return left.squeeze(-1).permute(1, 2, 0) @ right.squeeze(-1).transpose(0, 1)
