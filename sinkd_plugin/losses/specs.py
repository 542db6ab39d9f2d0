"""Our losses as records; torch comes in when one is built."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from sinkd_plugin.losses.options import DivergenceOptions, HiddenOptions, SumOptions
from sinkd_plugin.options import Options
from sinkd_plugin.ot.options import SinkdOptions, TransportOptions
from sinkd_plugin.specs import LossSpec

if TYPE_CHECKING:
    import torch

KdLossFunction = Callable[..., "torch.Tensor"]


def loss_specs() -> tuple[LossSpec, ...]:
    """Our losses for TextBrewer's slots, and the two that TextBrewer brings."""
    return (
        LossSpec(
            name="sinkd",
            summary="KL plus the weighted batch-wise Sinkhorn distance: the paper's loss.",
            slot="kd_loss",
            options=SinkdOptions,
            build=_sinkd,
        ),
        LossSpec(
            name="sinkhorn",
            summary="The Sinkhorn distance alone; pair it with CE or KL, it does not see which row is whose.",
            slot="kd_loss",
            options=TransportOptions,
            build=_sinkhorn,
        ),
        _divergence("kl", "Kullback-Leibler divergence, KL(teacher ‖ student)."),
        _divergence("reverse_kl", "Reverse Kullback-Leibler divergence, KL(student ‖ teacher)."),
        _divergence("js", "Jensen-Shannon divergence."),
        _divergence("tvd", "Total variation distance."),
        LossSpec(
            name="sum",
            summary="Several of kl, reverse_kl, js and tvd, each with a weight: {terms: {kl: 1, js: 0.8}}.",
            slot="kd_loss",
            options=SumOptions,
            build=_sum,
        ),
        _from_textbrewer("ce", "kd_ce_loss", "TextBrewer's cross-entropy with the teacher's probabilities."),
        LossSpec(
            name="hidden_sinkhorn",
            summary="Batch-wise Sinkhorn distance between pooled hidden states, λ relative to the mean cost.",
            slot="match_loss",
            options=HiddenOptions,
            build=_hidden_sinkhorn,
        ),
        _from_textbrewer(
            "mse",
            "kd_mse_loss",
            "TextBrewer's mean squared error between logits over the temperature.",
            for_numbers=True,
        ),
    )


def _divergence(name: str, summary: str) -> LossSpec:
    return LossSpec(
        name=name, summary=summary, slot="kd_loss", options=DivergenceOptions, build=partial(_build_divergence, name)
    )


def _from_textbrewer(name: str, function: str, summary: str, *, for_numbers: bool = False) -> LossSpec:
    return LossSpec(
        name=name,
        summary=summary,
        slot="kd_loss",
        options=Options,
        build=partial(_build_textbrewer, function),
        for_numbers=for_numbers,
    )


def _sinkd(options: SinkdOptions) -> KdLossFunction:
    from sinkd_plugin.losses.kd_slot import SinkdInSlot

    return SinkdInSlot(options)


def _sinkhorn(options: TransportOptions) -> KdLossFunction:
    from sinkd_plugin.losses.kd_slot import SinkhornInSlot

    return SinkhornInSlot(options)


def _hidden_sinkhorn(options: HiddenOptions) -> KdLossFunction:
    from sinkd_plugin.losses.match_slot import HiddenSinkhornInSlot

    return HiddenSinkhornInSlot(options)


def _build_divergence(name: str, options: DivergenceOptions) -> KdLossFunction:
    from sinkd_plugin import losses
    from sinkd_plugin.losses.kd_slot import DivergenceInSlot

    return DivergenceInSlot(getattr(losses, name), options)


def _sum(options: SumOptions) -> KdLossFunction:
    from sinkd_plugin import losses
    from sinkd_plugin.losses.kd_slot import SumInSlot

    return SumInSlot(tuple((getattr(losses, name), weight) for name, weight in options.terms.items()), options)


def _build_textbrewer(function: str, options: Options) -> KdLossFunction:
    from sinkd_plugin.losses.builtin_textbrewer import textbrewer_loss

    return textbrewer_loss(function)
