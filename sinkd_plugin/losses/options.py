"""Options of the losses that have no transport in them; light to import."""

from __future__ import annotations

from sinkd_plugin.options import Options


class DivergenceOptions(Options):
    """Options of KL, reverse KL, JS and TVD, which take their temperature from the distillation.

    Args:
        scale_by_temperature_squared: Multiply by τ², so that the gradient keeps its size as τ grows (Hinton et al.
            2015, arXiv 1503.02531, section 2). The paper does not.
    """

    scale_by_temperature_squared: bool = False
