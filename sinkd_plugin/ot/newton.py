"""The plan that the sweeps converge to, by Newton's method: tens of steps where they would need thousands."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sinkd_plugin.ot.engine import Engine
from sinkd_plugin.ot.implicit import implicit_gradient
from sinkd_plugin.ot.sweeps import Gradient, SweepSettings, planning_cost, weighted_plan

_COOLING = 4.0
"""How much smaller each regularization on the way is than the one before."""
_FIRST_SPREAD = 10.0
"""The way begins where the costs spread over at most this many units of the regularization."""
_ON_THE_WAY = 1e-2
"""Share of the mass that may lie at the wrong point before the next, smaller regularization."""
_LONGEST_STEP = 10.0
"""Largest change of a potential in one step, in units of the regularization: beyond, a quadratic model says nothing."""
_HALVINGS = 50
_SUFFICIENT = 1e-4
"""Share of the decrease that the slope promises with which a step is content (Armijo)."""
_RIDGE = 1e-14
"""Added to the Hessian, of entries about 1/m: parts of a plan that exchange next to nothing leave it singular."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LimitSolution:
    """The plan in the limit of many sweeps.

    Args:
        log_plan: ``(..., n, m)``; its columns are exact.
        sweeps: Newton steps taken, over all regularizations on the way.
        converged: ``(...)``, whether each problem met the tolerance.
        engine: What it was computed by.
    """

    log_plan: torch.Tensor
    sweeps: int
    converged: torch.Tensor | None
    engine: Engine = "torch"

    @property
    def dtype(self) -> torch.dtype:
        """The type it was computed in."""
        return self.log_plan.dtype

    def plan(self) -> torch.Tensor:
        """The plan (Eq. 17)."""
        return self.log_plan.exp()

    def value(self, cost: torch.Tensor, settings: SweepSettings) -> torch.Tensor:
        """The value of each problem."""
        return weighted_plan(self.plan(), cost, settings).sum(dim=(-2, -1))

    def value_and_gradient(self, cost: torch.Tensor, settings: SweepSettings) -> tuple[torch.Tensor, Gradient]:
        """The value of each problem, and the gradient of the limit: there are no sweeps to differentiate."""
        return self.value(cost, settings), implicit_gradient(cost, self.plan(), settings)


def solve_for_limit(
    cost: torch.Tensor, log_rows: torch.Tensor, log_columns: torch.Tensor, settings: SweepSettings
) -> LimitSolution:
    """Minimise the dual over the columns' potentials g, each row's own being known from them.

    With ``Q_ij = softmax_j(g_j - D_ij / λ)`` the plan is ``a_i Q_ij``, whose rows are exact, and the dual
    ``Σ_i a_i logsumexp_j(g_j - D_ij / λ) - Σ_j b_j g_j`` is convex with gradient ``Σ_i a_i Q_ij - b_j`` and Hessian
    ``diag(Σ_i a_i Q_ij) - Qᵀ diag(a) Q``. A small λ is approached from a larger one, whose potentials are a start.

    Args:
        cost: ``(..., n, m)``.
        log_rows: ``(..., n)``, logarithm of the mass of each row; -inf for a row that does not count.
        log_columns: ``(..., m)``, the same for the columns.
        settings: Regularization, tolerance, penalty, and as ``iterations`` the most steps there may be.

    Reference:
        The dual: Cuturi and Peyré 2016, arXiv 1503.02533. Newton's method after early stopping: arXiv 2401.12253.
    """
    planned = planning_cost(cost, settings)
    tolerance = settings.tolerance or 0.0
    potential = torch.zeros_like(log_columns).masked_fill_(log_columns == -torch.inf, -torch.inf)
    steps, converged = 0, torch.zeros(cost.shape[:-2], dtype=torch.bool, device=cost.device)
    for regularization in _cooling(planned, settings.regularization):
        last = regularization == settings.regularization
        dual = _Dual(planned / -regularization, log_rows, log_columns)
        found = dual.minimise(
            dual.swept(potential / regularization),
            tolerance=tolerance if last else max(tolerance, _ON_THE_WAY),
            steps=settings.iterations - steps,
        )
        potential, converged = found.potential * regularization, found.converged
        steps += found.steps
    swept = dual.swept(found.potential)
    log_plan = dual.log_kernel + dual.row_potential(found.potential).unsqueeze(-1) + swept.unsqueeze(-2)
    return LimitSolution(log_plan=log_plan, sweeps=steps, converged=converged)


def _cooling(cost: torch.Tensor, regularization: float) -> list[float]:
    """The regularizations on the way, largest first, the one that is wanted last."""
    way = [regularization]
    spread = float(cost.amax() - cost.amin()) if cost.numel() else 0.0
    while spread > _FIRST_SPREAD * way[0]:
        way.insert(0, way[0] * _COOLING)
    return way


@dataclass(frozen=True, kw_only=True, eq=False)
class _Minimum:
    potential: torch.Tensor
    converged: torch.Tensor
    steps: int


class _Dual:
    """The function to be minimised, at one regularization, for a stack of problems."""

    def __init__(self, log_kernel: torch.Tensor, log_rows: torch.Tensor, log_columns: torch.Tensor) -> None:
        self.log_kernel = log_kernel
        self._log_rows, self._log_columns = log_rows, log_columns
        self._rows, self._columns = log_rows.exp(), log_columns.exp()

    def row_potential(self, potential: torch.Tensor) -> torch.Tensor:
        """What makes the rows exact: the first half of a sweep (Eq. 14)."""
        return self._log_rows - torch.logsumexp(self.log_kernel + potential.unsqueeze(-2), dim=-1)

    def swept(self, potential: torch.Tensor) -> torch.Tensor:
        """The potential after one sweep, which makes the columns exact."""
        rows = self.row_potential(potential)
        return self._log_columns - torch.logsumexp(self.log_kernel + rows.unsqueeze(-1), dim=-2)

    def minimise(self, potential: torch.Tensor, *, tolerance: float, steps: int) -> _Minimum:
        """Newton steps, until each problem has at most ``tolerance`` of its mass at the wrong column."""
        value, shares = self._at(potential)
        taken = 0
        while True:
            columns = (shares * self._rows.unsqueeze(-1)).sum(dim=-2)
            gradient = columns - self._columns
            converged = gradient.abs().sum(dim=-1) <= 2 * tolerance * self._columns.sum(dim=-1)
            if taken >= steps or bool(converged.all()):
                return _Minimum(potential=potential, converged=converged, steps=taken)
            step = self._step(shares, columns, gradient)
            step = step.masked_fill(converged.unsqueeze(-1), 0.0)
            potential, value, shares = self._descend(potential, value, step, (gradient * step).sum(dim=-1))
            taken += 1

    def _at(self, potential: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The dual, and each row's shares of the columns."""
        scores = self.log_kernel + potential.unsqueeze(-2)
        total = torch.logsumexp(scores, dim=-1)
        present = potential.masked_fill(self._columns == 0, 0.0)
        value = (self._rows * total).sum(dim=-1) - (self._columns * present).sum(dim=-1)
        return value, (scores - total.unsqueeze(-1)).exp()

    def _step(self, shares: torch.Tensor, columns: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """Newton's step, no longer than the model of the function reaches."""
        diagonal = columns.masked_fill(columns == 0, 1.0) + _RIDGE
        hessian = torch.diag_embed(diagonal) - (shares * self._rows.unsqueeze(-1)).mT @ shares
        # A constant added to the potential changes nothing: the mean's own curvature makes that direction regular.
        hessian = hessian + columns.unsqueeze(-1) * columns.unsqueeze(-2)
        step: torch.Tensor = torch.linalg.solve(hessian, -gradient)
        longest = step.abs().amax(dim=-1, keepdim=True)
        return step * (_LONGEST_STEP / longest.clamp_min(_LONGEST_STEP))

    def _descend(
        self, potential: torch.Tensor, value: torch.Tensor, step: torch.Tensor, slope: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Halve each problem's step until the dual decreases as the slope says it should."""
        length = torch.ones_like(value)
        rounding = torch.finfo(value.dtype).eps * value.abs().clamp_min(1.0)
        for _ in range(_HALVINGS):
            moved = potential + length.unsqueeze(-1) * step
            lower, shares = self._at(moved)
            enough = lower <= value + _SUFFICIENT * length * slope + rounding
            if bool(enough.all()):
                break
            length = torch.where(enough, length, length / 2)
        return moved, lower, shares
