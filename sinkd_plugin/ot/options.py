"""What a transport distance can be told; light to import, so that listing losses needs no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from sinkd_plugin.options import Options

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "paper": {},
    # The published script sums over the rows, scales by 0.001 inside the loss, and weighs that by 0.8.
    "official-code": {"reduction": "sum", "weight": 0.0008},
    # What T sweeps come to for large T, whatever the predictions.
    "converged": {"tolerance": 1e-9, "acceleration": "newton", "iterations": 200},
}
"""Named settings of ``SinkdOptions``: the defaults are the paper's."""


class TransportOptions(Options):
    """Options of the Sinkhorn distance, at the defaults of the paper (SinKD, arXiv 2402.17110).

    Args:
        temperature: τ_SD, what both sets of logits are divided by before the softmax.
        regularization: λ, strength of the entropy, in units of the cost; at least 1e-3.
        iterations: T, sweeps of row then column scaling. T belongs to the definition of the loss: at the defaults and
            few classes the plan has not converged, and value and gradient are those of exactly T sweeps. With a
            ``tolerance``, the most sweeps there may be, or the most steps of an ``acceleration``.
        p: Order of the norm of ``cost="batch"``: 1, 2 or ``"inf"``; between single probabilities all orders are one.
        reduction: ``"mean"`` for a plan of mass 1, ``"sum"`` for one of as much mass as it has points (the rows that
            count; under ``cost="flattened"``, all their entries).
        cost: ``"batch"``, between whole rows (Eq. 13); ``"flattened"``, between all single probabilities of the batch
            (Eq. 20); ``"sample"``, between the classes of each row apart (Eqs. 8-12). The last two compare
            probabilities only by their size: they are blind to permuting the classes of one side.
        rows: The side that is normalised first, and so the one whose marginal is only approximate.
        debiased: Subtract the two self-distances, so that equal predictions are at distance zero (the Sinkhorn
            divergence; Genevay et al. 2018, arXiv 1706.00292).
        tolerance: Sweep until at most this share of the mass lies at the wrong point, groups of a stack all together.
            Another loss than T sweeps, and one that an accelerator has to wait for.
        value: ``"transport"``, <P, D> (Eq. 18), or ``"entropic"``, <P, D> - λ h(P), whose gradient at convergence is
            the plan.
        plan_gradient: ``"unrolled"`` differentiates the sweeps, exactly; ``"detached"`` takes the plan as given (the
            gradient of another objective: 20-40 % shorter); ``"implicit"`` takes the plan as converged, and is what an
            ``acceleration`` means by ``"unrolled"``.
        pairing_penalty: γ, added to the cost of moving mass between different examples when the plan is found; the
            value is of the paper's cost. 0 is the paper, and for γ → ∞ each row is compared with its own.
        on_nonfinite: ``"raise"`` an error that names the rows with NaN or +inf, or ``"skip"`` them on both sides.
        pairing: Of ``cost="sample"``, where the mass of a class lies: ``"consistent"`` at the probability that is its
            mass, ``D_mn = |s_m - t_n|``; ``"literal"`` at the other side's probability, as the paper prints it (Eq. 7
            has ``|t_m - s_n|`` beside the row marginal s). A student whose classes are the teacher's in another order
            is as near as the teacher itself under the first, and under the second if the order exchanges pairs, as any
            order of two classes does.
        acceleration: ``"newton"`` finds the plan that sweeps would converge to by Newton's method, up to ``tolerance``:
            the limit of the paper's loss in T, in tens of steps where peaky predictions need thousands of sweeps. Its
            gradient is that of the limit, exactly, or ``"detached"``.
    """

    temperature: float = Field(default=2.0, gt=0)
    regularization: float = Field(default=0.1, ge=1e-3)
    iterations: int = Field(default=20, ge=1, le=10_000)
    p: Literal[1, 2, "inf"] = 1
    reduction: Literal["mean", "sum"] = "mean"
    cost: Literal["batch", "flattened", "sample"] = "batch"
    rows: Literal["student", "teacher"] = "student"
    debiased: bool = False
    tolerance: float | None = Field(default=None, gt=0, lt=1)
    value: Literal["transport", "entropic"] = "transport"
    plan_gradient: Literal["unrolled", "detached", "implicit"] = "unrolled"
    pairing_penalty: float = Field(default=0.0, ge=0, le=1e6)
    on_nonfinite: Literal["raise", "skip"] = "raise"
    pairing: Literal["consistent", "literal"] = "consistent"
    acceleration: Literal["none", "newton"] = "none"

    @field_validator("p", mode="before")
    @classmethod
    def _infinity_by_name(cls, p: Any) -> Any:
        return "inf" if isinstance(p, float) and p == math.inf else p

    @model_validator(mode="after")
    def _options_fit(self) -> TransportOptions:
        if self.pairing_penalty and self.cost != "batch":
            raise ValueError("'pairing_penalty' needs cost='batch': only there the points are the rows")
        if self.pairing != "consistent" and self.cost != "sample":
            raise ValueError("'pairing' needs cost='sample': only there the predictions are masses and positions")
        if self.acceleration != "none" and self.tolerance is None:
            raise ValueError("'acceleration' needs a 'tolerance', up to which it looks for the limit of the sweeps")
        return self


class SinkdOptions(TransportOptions):
    """Options of the paper's loss: KL plus a weighted Sinkhorn distance (Eq. 19).

    Args:
        preset: What the other options default to: ``"paper"``; ``"official-code"`` for what the published script
            computes (a sum over the rows with β = 0.8 · 0.001); ``"converged"`` for the paper's loss in the limit of
            many sweeps.
        weight: β, weight of the Sinkhorn distance beside KL; ``None`` with a ``gradient_share``.
        gradient_share: Instead of a fixed weight, the length of the weighted Sinkhorn gradient at the logits over that
            of the weighted KL's, 0.1 for a tenth: the weight follows a running estimate of their ratio.
        warmup: Share of the training's steps over which the weight rises linearly from 0.
        max_rows: Most rows of a group; of a larger one so many are drawn, other ones in each pass, the same of teacher
            and student. ``"auto"`` bounds the work, n² times the columns: 258 rows at a vocabulary of 32,128, and tens
            of thousands over a few labels. In our distillers; TextBrewer's own take all rows.
    """

    preset: Literal["paper", "official-code", "converged"] = "paper"
    weight: float | None = Field(default=0.8, ge=0)
    gradient_share: float | None = Field(default=None, gt=0)
    warmup: float = Field(default=0.0, ge=0, le=1)
    max_rows: Annotated[int, Field(ge=2)] | Literal["auto"] | None = "auto"

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        name = data.get("preset")
        filled = {**PRESETS.get(name, {}), **data} if isinstance(name, str) else dict(data)
        if filled.get("gradient_share") is not None and "weight" not in data:
            filled["weight"] = None
        return filled

    @model_validator(mode="after")
    def _one_weight(self) -> SinkdOptions:
        if (self.weight is None) == (self.gradient_share is None):
            raise ValueError("give exactly one of 'weight' and 'gradient_share'; the other one must be absent or null")
        return self
