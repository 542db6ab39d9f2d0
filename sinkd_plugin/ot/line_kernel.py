"""Products with the Laplace kernel ``K_ij = exp(-|x_i - y_j|/λ)`` between sorted points, as running sums.

With the points of the other side split at x into those on the left and those on the right of it::

    Σ_j K_ij v_j = e^(-x_i/λ) Σ_{y_j ≤ x_i} e^(y_j/λ) v_j  +  e^(x_i/λ) Σ_{y_j > x_i} e^(-y_j/λ) v_j

so that one cumulative sum upward and one downward give all products in linear time. All terms of a sum of masses are
positive: nothing cancels, whatever the number of points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from sinkd_plugin.ot.line_order import SortedPoints

Sums = tuple[torch.Tensor, ...]
"""Running sums over the source, upward and downward; in the log domain, those of each sign."""


class Crossing(Protocol):
    """Products with the kernel from one side of the problem to the other.

    Potentials are numbers per point that a product is scaled by: factors here, their logarithms in the log domain.
    """

    def balance(self, source: torch.Tensor) -> torch.Tensor:
        """The potential ``1 / (K source)`` of the target: half a sweep (Eq. 14), up to the target's masses.

        Args:
            source: ``(..., m)`` potential times mass.
        """
        ...

    def sums(self, source: torch.Tensor, amount: torch.Tensor | None = None) -> Sums:
        """Running sums of ``source ∘ amount``, to be read by ``even`` and ``odd``.

        Args:
            source: ``(..., m)`` potential.
            amount: ``(..., m)`` plain numbers of any sign; ones without it.
        """
        ...

    def even(self, target: torch.Tensor, sums: Sums) -> torch.Tensor:
        """``target ∘ K (source ∘ amount)``, plain numbers.

        Args:
            target: ``(..., n)`` potential.
            sums: From ``sums``.
        """
        ...

    def odd(self, target: torch.Tensor, sums: Sums) -> torch.Tensor:
        """As ``even``, with ``K_ij sign(x_i - y_j)``, x the target's points; the sign of equal points is 0."""
        ...

    def cost(self, target: torch.Tensor, source: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """``even`` and ``odd`` with ``K_ij |x_i - y_j| / λ`` in place of the kernel.

        Args:
            target: ``(..., n)`` potential.
            source: ``(..., m)`` potential.
        """
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Where the running sums over the source are read for each point of the target.

    Args:
        target_points: ``(..., n)``, ascending.
        source_points: ``(..., m)``, ascending.
        centre: ``(..., 1)``, middle of all points.
        regularization: λ.
        left: ``(..., n)``, the last source point that is not above; 0 where there is none.
        has_left: ``(..., n)``, whether there is one.
        strictly_left: As ``left``, of the points below.
        has_strictly_left: ``(..., n)``.
        right: ``(..., n)``, the first source point above, counted from the top; 0 where there is none.
        has_right: ``(..., n)``.
    """

    target_points: torch.Tensor
    source_points: torch.Tensor
    centre: torch.Tensor
    regularization: float
    left: torch.Tensor
    has_left: torch.Tensor
    strictly_left: torch.Tensor
    has_strictly_left: torch.Tensor
    right: torch.Tensor
    has_right: torch.Tensor

    @property
    def target(self) -> torch.Tensor:
        """Positions in units of λ, ``(..., n)``; centred, so that exponents are as small as they can be."""
        return (self.target_points - self.centre) / self.regularization

    @property
    def source(self) -> torch.Tensor:
        """Positions in units of λ, ``(..., m)``; centred."""
        return (self.source_points - self.centre) / self.regularization

    # Distances come from the points as they are: centring would round away what lies between close ones.

    def rising(self) -> tuple[torch.Tensor, torch.Tensor]:
        """In units of λ, the gap above each source point but the last, and the reach of each target to ``left``."""
        reach = (self.target_points - self.source_points.gather(-1, self.left)).clamp_(min=0)
        return self.source_points.diff(dim=-1) / self.regularization, reach / self.regularization

    def falling(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The same downward: gaps from the top, and the reach to ``right``."""
        falling = self.source_points.flip(-1)
        reach = (falling.gather(-1, self.right) - self.target_points).clamp_(min=0)
        return -falling.diff(dim=-1) / self.regularization, reach / self.regularization


def split(target: SortedPoints, source: SortedPoints, centre: torch.Tensor, regularization: float) -> Split:
    """Prepare the products from ``source`` to ``target``.

    Args:
        target: The side that receives.
        source: The side that is summed over.
        centre: ``(..., 1)``, middle of all points.
        regularization: λ.
    """
    above = source.points.shape[-1] - target.upto
    return Split(
        target_points=target.points,
        source_points=source.points,
        centre=centre,
        regularization=regularization,
        left=(target.upto - 1).clamp_(min=0),
        has_left=target.upto > 0,
        strictly_left=(target.below - 1).clamp_(min=0),
        has_strictly_left=target.below > 0,
        right=(above - 1).clamp_(min=0),
        has_right=above > 0,
    )


class ScalingCrossing:
    """The products on plain numbers; potentials are factors.

    Numerics: exponents are at most half the spread of the points in units of λ, and those of the potentials at most
    three times the spread (``line_sweeps.largest_spread``).
    """

    def __init__(self, at: Split) -> None:
        self._at = at
        source, target = at.source, at.target
        self._up, self._down = source.exp(), (-source).exp()
        self._right_factor, self._left_factor = target.exp() * at.has_right, (-target).exp() * at.has_left
        self._strictly_left_factor = self._left_factor * at.has_strictly_left

    def balance(self, source: torch.Tensor) -> torch.Tensor:
        """See ``Crossing.balance``."""
        return self._both_sides(self.sums(source)).reciprocal_()

    def sums(self, source: torch.Tensor, amount: torch.Tensor | None = None) -> Sums:
        """See ``Crossing.sums``."""
        weights = source if amount is None else source * amount
        return self._from_below(weights), self._from_above(weights)

    def even(self, target: torch.Tensor, sums: Sums) -> torch.Tensor:
        """See ``Crossing.even``."""
        return self._both_sides(sums).mul_(target)

    def odd(self, target: torch.Tensor, sums: Sums) -> torch.Tensor:
        """See ``Crossing.odd``."""
        below, above = sums
        left = below.gather(-1, self._at.strictly_left).mul_(self._strictly_left_factor)
        return left.addcmul_(above.gather(-1, self._at.right), self._right_factor, value=-1).mul_(target)

    def cost(self, target: torch.Tensor, source: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See ``Crossing.cost``."""
        at = self._at
        left = _distances(self._from_below(source), at.left, *at.rising()) * self._left_factor
        right = _distances(self._from_above(source), at.right, *at.falling()) * self._right_factor
        return target * (left + right), target * (left - right)

    def _both_sides(self, sums: Sums) -> torch.Tensor:
        below, above = sums
        left = below.gather(-1, self._at.left).mul_(self._left_factor)
        return left.addcmul_(above.gather(-1, self._at.right), self._right_factor)

    def _from_below(self, weights: torch.Tensor) -> torch.Tensor:
        return (weights * self._up).cumsum(dim=-1)

    def _from_above(self, weights: torch.Tensor) -> torch.Tensor:
        return (weights * self._down).flip(-1).cumsum(dim=-1)


def _distances(sums: torch.Tensor, at: torch.Tensor, gaps: torch.Tensor, reach: torch.Tensor) -> torch.Tensor:
    """Sums weighted with the distance to each target: every gap is walked by all that lies behind it.

    ``x Σ w - Σ y w`` would be the same, but for close points it is the difference of two large numbers.
    """
    walked = (gaps * sums[..., :-1]).cumsum(dim=-1)
    return torch.nn.functional.pad(walked, (1, 0)).gather(-1, at) + reach * sums.gather(-1, at)
