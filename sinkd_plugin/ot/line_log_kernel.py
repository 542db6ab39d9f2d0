"""Products with the Laplace kernel in the log domain, for any spread of the points."""

from __future__ import annotations

import math

import torch

from sinkd_plugin.ot.line_kernel import Split, Sums


class LogCrossing:
    """The products of ``line_kernel.Crossing``; potentials are logarithms, -inf for a point without mass.

    Running sums become running log-sums of exponentials; numbers of both signs are summed apart by sign.
    """

    def __init__(self, at: Split) -> None:
        self._at = at
        self._source, target = at.source, at.target
        self._right_factor = target.masked_fill(~at.has_right, -math.inf)
        self._left_factor = (-target).masked_fill(~at.has_left, -math.inf)
        self._strictly_left_factor = (-target).masked_fill(~at.has_strictly_left, -math.inf)

    def balance(self, source: torch.Tensor) -> torch.Tensor:
        """See ``Crossing.balance``."""
        below, above = self.sums(source)
        return -torch.logaddexp(self._left(below), self._right(above))

    def sums(self, source: torch.Tensor, amount: torch.Tensor | None = None) -> Sums:
        """See ``Crossing.sums``."""
        if amount is None:
            return self._from_below(source), self._from_above(source)
        size = source + amount.abs().log()
        positive, negative = size.masked_fill(amount < 0, -math.inf), size.masked_fill(amount > 0, -math.inf)
        return *self.sums(positive), *self.sums(negative)

    def even(self, target: torch.Tensor, sums: Sums) -> torch.Tensor:
        """See ``Crossing.even``."""
        below, above, *negative = sums
        value = (target + self._left(below)).exp() + (target + self._right(above)).exp()
        return value - self.even(target, tuple(negative)) if negative else value

    def odd(self, target: torch.Tensor, sums: Sums) -> torch.Tensor:
        """See ``Crossing.odd``."""
        below, above, *negative = sums
        left = below.gather(-1, self._at.strictly_left) + self._strictly_left_factor
        value = (target + left).exp() - (target + self._right(above)).exp()
        return value - self.odd(target, tuple(negative)) if negative else value

    def cost(self, target: torch.Tensor, source: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See ``Crossing.cost``."""
        at = self._at
        left = _log_distances(self._from_below(source), at.left, *at.rising()) + self._left_factor
        right = _log_distances(self._from_above(source), at.right, *at.falling()) + self._right_factor
        left, right = (target + left).exp(), (target + right).exp()
        return left + right, left - right

    def _left(self, below: torch.Tensor) -> torch.Tensor:
        return below.gather(-1, self._at.left) + self._left_factor

    def _right(self, above: torch.Tensor) -> torch.Tensor:
        return above.gather(-1, self._at.right) + self._right_factor

    def _from_below(self, source: torch.Tensor) -> torch.Tensor:
        return (source + self._source).logcumsumexp(dim=-1)

    def _from_above(self, source: torch.Tensor) -> torch.Tensor:
        return (source - self._source).flip(-1).logcumsumexp(dim=-1)


def _log_distances(sums: torch.Tensor, at: torch.Tensor, gaps: torch.Tensor, reach: torch.Tensor) -> torch.Tensor:
    """As ``line_kernel``'s sums weighted with distances."""
    walked = (gaps.log() + sums[..., :-1]).logcumsumexp(dim=-1)
    walked = torch.nn.functional.pad(walked, (1, 0), value=-math.inf)
    return torch.logaddexp(walked.gather(-1, at), reach.log() + sums.gather(-1, at))
