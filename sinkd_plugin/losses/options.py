"""Options of the losses beside the paper's; light to import."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from sinkd_plugin.options import Options


class DivergenceOptions(Options):
    """Options of KL, reverse KL, JS and TVD, which take their temperature from the distillation.

    Args:
        scale_by_temperature_squared: Multiply by τ², so that the gradient keeps its size as τ grows (Hinton et al.
            2015, arXiv 1503.02531, section 2). The paper does not.
    """

    scale_by_temperature_squared: bool = False


Divergence = Literal["kl", "reverse_kl", "js", "tvd"]


class SumOptions(DivergenceOptions):
    """Several divergences at once, as the baselines of the paper's Table 4.

    Args:
        terms: Weight of each divergence by its name; Jeffreys' divergence, both directions of KL, by default.
    """

    terms: dict[Divergence, float] = Field(default={"kl": 1.0, "reverse_kl": 1.0}, min_length=1)

    @field_validator("terms")
    @classmethod
    def _positive(cls, terms: dict[Divergence, float]) -> dict[Divergence, float]:
        if any(weight <= 0 for weight in terms.values()):
            raise ValueError("every weight must be positive; leave a term out instead of giving it 0")
        return terms


class HiddenOptions(Options):
    """Options of the Sinkhorn distance between hidden states.

    Args:
        regularization: λ, in units of the mean cost.
        iterations: T, sweeps.
        pooling: How an example's positions become one vector: their masked mean, or the first.
    """

    regularization: float = Field(default=0.1, ge=1e-3)
    iterations: int = Field(default=20, ge=1, le=10_000)
    pooling: Literal["mean", "first"] = "mean"
