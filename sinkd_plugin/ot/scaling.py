"""Sinkhorn's sweeps on two vectors of scalings: the plan is ``diag(u) K diag(v)`` and is not formed while sweeping."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch

from sinkd_plugin.ot.engine import Engine
from sinkd_plugin.ot.sweeps import Gradient, SweepSettings, planning_cost, row_blocks, sum_of, weighted_plan


@dataclass(frozen=True, kw_only=True, eq=False)
class ScalingSolution:
    """The kernel and the scalings of every sweep, for n times the plan.

    A vector over the points is ``(n,)``, or ``(groups, n, 1)`` for a stack of problems.

    Args:
        kernel: ``(n, m)`` or ``(groups, n, m)``, ``K = exp(-D/λ)`` up to factors of its rows and columns.
        rows: n times the mass of each row, 0 for a row that does not count; ``None`` for ones.
        columns: n times the mass of each column; ``None`` for ones.
        row_scalings: ``u_1 … u_T``, stacked.
        column_scalings: ``v_0 … v_T``, stacked.
        converged: ``(...)``, whether each problem met the tolerance; ``None`` if none was asked for.
        engine: What it was computed by.
    """

    kernel: torch.Tensor
    rows: torch.Tensor | None
    columns: torch.Tensor | None
    row_scalings: torch.Tensor
    column_scalings: torch.Tensor
    converged: torch.Tensor | None = None
    engine: Engine = "torch"

    @property
    def dtype(self) -> torch.dtype:
        """The type it was computed in."""
        return self.kernel.dtype

    @property
    def sweeps(self) -> int:
        """Sweeps done."""
        return self.row_scalings.shape[0]

    def plan(self) -> torch.Tensor:
        """The plan, ``P = diag(u) K diag(v)`` (Eq. 17)."""
        return self._plan_of(self.kernel, slice(None))

    def value(self, cost: torch.Tensor, settings: SweepSettings) -> torch.Tensor:
        """The value of each problem."""
        return sum_of([weighted.sum(dim=(-2, -1)) for _, _, weighted in self._parts(cost, settings)])

    def value_and_gradient(self, cost: torch.Tensor, settings: SweepSettings) -> tuple[torch.Tensor, Gradient]:
        """The value of each problem, and the gradient of exactly these sweeps.

        What a half-sweep adds to the derivative by the kernel has rank one, so that all of them are one product of
        ``(n, 2T)`` and ``(2T, m)``; what runs through the sweeps are two vectors.
        """
        # One block is kept, many are computed twice: matrices are what memory goes to.
        kept = [*self._parts(cost, settings)] if len(row_blocks(cost)) == 1 else None
        row_sums, column_sums = _marginals(kept or self._parts(cost, settings))
        pulled_rows, pulled_columns = _backwards(self, _as_vectors(row_sums, cost), _as_vectors(column_sums, cost))
        gradient = _products(self.row_scalings, pulled_columns, pulled_rows, self.column_scalings[:-1])
        for rows, plan, weighted in kept or self._parts(cost, settings):
            block = gradient if kept else gradient[..., rows, :]
            block.mul_(self.kernel if kept else self.kernel[..., rows, :]).sub_(weighted)
            torch.add(plan, block, alpha=1 / settings.regularization, out=block)
        return row_sums.sum(dim=-1), Gradient(cost=gradient)

    def _parts(self, cost: torch.Tensor, settings: SweepSettings) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor]]:
        """Blocks of rows of the plan, and of what its entries add to the value."""
        blocks = row_blocks(cost)
        for rows in blocks:
            kernel, costs = (self.kernel, cost) if len(blocks) == 1 else (self.kernel[..., rows, :], cost[..., rows, :])
            plan = self._plan_of(kernel, rows)
            yield rows, plan, weighted_plan(plan, costs, settings)

    def _plan_of(self, kernel: torch.Tensor, rows: slice) -> torch.Tensor:
        u, v = self.row_scalings[-1], self.column_scalings[-1] / self.kernel.shape[-2]
        left, right = (u.unsqueeze(-1), v) if kernel.dim() == 2 else (u, v.mT)
        return (kernel * left[..., rows, :]).mul_(right)


def solve_by_scaling(
    cost: torch.Tensor,
    rows: torch.Tensor | None,
    columns: torch.Tensor | None,
    settings: SweepSettings,
    *,
    absorbed: bool,
) -> ScalingSolution:
    """Sweep on scalings.

    Args:
        cost: ``(n, m)`` or ``(groups, n, m)``, of the type to compute in.
        rows: ``(..., n)``, n times the mass of each row, 0 for a row that does not count; ``None`` for ones.
        columns: ``(..., m)``, n times the mass of each column; ``None`` for ones.
        settings: Regularization, sweeps, tolerance and penalty.
        absorbed: Divide the kernel by the largest entries of its rows and then of its columns, so that each has a 1.
    """
    rows, columns = (None if side is None else _as_vectors(side.to(cost.dtype), cost) for side in (rows, columns))
    cost = planning_cost(cost, settings)
    start = _as_vectors(cost.new_ones(cost.shape[:-2] + cost.shape[-1:]), cost)
    # v_0 = 1 (Eq. 14), but a column that does not count takes no part in the first sums either.
    start = start if columns is None else (columns > 0).to(cost.dtype)
    if absorbed:
        cost, column_shift = _shift(cost, rows, columns)
        # Only columns without mass have negative shifts, and start at zero whatever theirs is.
        start = start * _as_vectors(column_shift / -settings.regularization, cost).clamp_(max=0).exp_()
    kernel = (cost / -settings.regularization).exp_()
    row_scalings, column_scalings, converged = _sweep(kernel, rows, columns, start, settings)
    return ScalingSolution(
        kernel=kernel,
        rows=rows,
        columns=columns,
        row_scalings=row_scalings,
        column_scalings=column_scalings,
        converged=converged,
    )


@torch.inference_mode()
def _sweep(
    kernel: torch.Tensor,
    rows: torch.Tensor | None,
    columns: torch.Tensor | None,
    start: torch.Tensor,
    settings: SweepSettings,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """The scalings of every sweep: the rows first, and then the columns (Eqs. 14-16, by quotients).

    A stack sweeps until the last of its problems has met the tolerance.
    """
    # Calls of a few microseconds are what small problems cost: no views, no call that is not needed.
    row_sums_of, column_sums_of = _product_with(kernel), _product_with(kernel.mT)
    u: list[torch.Tensor] = []
    v: list[torch.Tensor] = [start]
    converged: torch.Tensor | None = None
    while len(u) < settings.iterations and (converged is None or not bool(converged.all())):
        u.append(_quotient(rows, row_sums_of(v[-1])))
        v.append(_quotient(columns, column_sums_of(u[-1])))
        if settings.tolerance is not None:
            converged = _misplaced(u[-1] * row_sums_of(v[-1]), rows) <= settings.tolerance
    return torch.stack(u), torch.stack(v), converged


@torch.inference_mode()
def _backwards(
    solution: ScalingSolution, row_sums: torch.Tensor, column_sums: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pull both sums through the half-sweeps ``u = a / (K v)`` and ``v = b / (Kᵀ u)``, last to first.

    With r_t and c_t the derivatives by log u_t and log v_t, this returns ``y_t = -r_t u_t / a`` and
    ``x_t = c_t v_t / b``: a divisor's logarithm hands them on as ``r_t = -u_t ∘ K x_t`` and
    ``c_(t-1) = v_(t-1) ∘ Kᵀ y_t``.
    """
    u_per_mass, v_per_mass = (
        _per_mass(solution.row_scalings, solution.rows),
        _per_mass(solution.column_scalings, solution.columns),
    )
    u_squares = (u_per_mass * solution.row_scalings).unbind()
    v_squares = (v_per_mass * solution.column_scalings).unbind()
    row_sums_of, column_sums_of = _product_with(solution.kernel), _product_with(solution.kernel.mT)
    x = [column_sums * v_per_mass[-1]]
    y = [row_sums_of(x[-1]).mul_(u_squares[-1]).addcmul_(row_sums, u_per_mass[-1], value=-1)]
    for t in reversed(range(1, solution.sweeps)):
        x.append(column_sums_of(y[-1]).mul_(v_squares[t]))
        y.append(row_sums_of(x[-1]).mul_(u_squares[t - 1]))
    return torch.stack(y[::-1]), torch.stack(x[::-1])


def _marginals(parts: Iterable[tuple[slice, torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    """What the value gains from a relative change of each row, and of each column."""
    sums = [(weighted.sum(dim=-1), weighted.sum(dim=-2)) for _, _, weighted in parts]
    if len(sums) == 1:
        return sums[0]
    return torch.cat([rows for rows, _ in sums], dim=-1), sum_of([columns for _, columns in sums])


def _misplaced(found: torch.Tensor, wanted: torch.Tensor | None) -> torch.Tensor:
    """Share of each problem's mass that lies at the wrong point of one side."""
    wanted = torch.ones_like(found) if wanted is None else wanted
    over = 0 if found.dim() == 1 else (-2, -1)
    return (found - wanted).abs().sum(dim=over) / (2 * wanted.sum(dim=over))


def _shift(
    cost: torch.Tensor, rows: torch.Tensor | None, columns: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Subtract each row's least cost, then each column's; points without mass have no say in it."""
    of_columns = cost if columns is None else cost.masked_fill(_as_row(columns) == 0, torch.inf)
    shifted = cost - of_columns.amin(dim=-1, keepdim=True)
    of_rows = shifted if rows is None else shifted.masked_fill(_as_row(rows).mT == 0, torch.inf)
    column_shift = of_rows.amin(dim=-2)
    shifted.sub_(column_shift.unsqueeze(-2))
    # Pairs that do not count may be cheaper than the least of those that do, and exp(-cost / λ) beyond any number.
    return shifted.clamp_(min=0), column_shift


def _as_vectors(points: torch.Tensor, cost: torch.Tensor) -> torch.Tensor:
    """As the sweeps take vectors."""
    return points if cost.dim() == 2 else points.unsqueeze(-1)


def _as_row(vector: torch.Tensor) -> torch.Tensor:
    return vector.unsqueeze(0) if vector.dim() == 1 else vector.mT


def _product_with(matrix: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    return matrix.mv if matrix.dim() == 2 else matrix.bmm


def _quotient(masses: torch.Tensor | None, sums: torch.Tensor) -> torch.Tensor:
    """Masses over sums, in place of the sums; of a point without mass the sum may have underflowed."""
    if masses is None:
        return sums.reciprocal_()
    return torch.div(masses, sums.clamp_(min=torch.finfo(sums.dtype).tiny), out=sums)


def _per_mass(scalings: torch.Tensor, masses: torch.Tensor | None) -> torch.Tensor:
    """Scalings over masses; 0 where there is no mass, since there the scaling is 0."""
    return scalings if masses is None else scalings / masses.clamp_min(torch.finfo(masses.dtype).tiny)


def _products(u: torch.Tensor, x: torch.Tensor, y: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Over the sweeps, the sum of the outer products ``u x`` less that of ``y v``."""
    if u.dim() == 2:
        return torch.mm(u.mT, x).addmm_(y.mT, v, alpha=-1)
    u, y = (side.squeeze(-1).permute(1, 2, 0) for side in (u, y))
    x, v = (side.squeeze(-1).transpose(0, 1) for side in (x, v))
    return torch.bmm(u, x).baddbmm_(y, v, alpha=-1)
