"""What a transport distance can be told; light to import, so that listing losses needs no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sinkd_plugin.options import Options


class TransportOptions(Options):
    """Options of the Sinkhorn distance, at the defaults of the paper (SinKD, arXiv 2402.17110).

    Args:
        temperature: τ_SD, what both sets of logits are divided by before the softmax.
        regularization: λ, strength of the entropy, in units of the cost; at least 1e-3.
        iterations: T, sweeps of row then column scaling. T belongs to the definition of the loss: at the defaults and
            few classes the plan has not converged, and value and gradient are those of exactly T sweeps.
        p: Order of the norm of ``cost="batch"``; between single probabilities all orders are one.
        reduction: ``"mean"`` for a plan of mass 1, ``"sum"`` for one of as much mass as it has points (the rows;
            under ``cost="flattened"``, all entries).
        cost: ``"batch"``, between whole rows (Eq. 13); ``"flattened"``, between all single probabilities of the batch
            (Eq. 20); ``"sample"``, between the classes of each row apart (Eqs. 8-12). The last two compare
            probabilities only by their size: they cannot see which class a probability belongs to.
        rows: The side that is normalised first, and so the one whose marginal is only approximate.
        debiased: Subtract the two self-distances, so that equal predictions are at distance zero (the Sinkhorn
            divergence; Genevay et al. 2018, arXiv 1706.00292).
    """

    temperature: float = Field(default=2.0, gt=0)
    regularization: float = Field(default=0.1, ge=1e-3)
    iterations: int = Field(default=20, ge=1, le=10_000)
    p: Literal[1, 2] = 1
    reduction: Literal["mean", "sum"] = "mean"
    cost: Literal["batch", "flattened", "sample"] = "batch"
    rows: Literal["student", "teacher"] = "student"
    debiased: bool = False


class SinkdOptions(TransportOptions):
    """Options of the paper's loss: KL plus a weighted Sinkhorn distance (Eq. 19).

    Args:
        weight: β, weight of the Sinkhorn distance beside KL.
    """

    weight: float = Field(default=0.8, ge=0)
