"""The keys of a ``distillation`` block: TextBrewer's own, and ``sinkd``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from sinkd_plugin.options import Options
from sinkd_plugin.ot.options import SinkdOptions


def _null_is_none(value: Any) -> Any:
    """TextBrewer says 'none'; JSON and YAML users say null."""
    return "none" if value is None else value


SchedulerName = Annotated[str, BeforeValidator(_null_is_none)]


class MatchOptions(Options):
    """One entry of ``intermediate_matches``, by TextBrewer's keys; ``loss`` may be ``[name, options]`` as well."""

    layer_T: int | tuple[int, ...]
    layer_S: int | tuple[int, ...]
    feature: str
    loss: str | tuple[str, dict[str, Any]]
    weight: float
    proj: tuple[Any, ...] | None = None


class DistillationOptions(Options):
    """Every key of TextBrewer's ``DistillationConfig`` with its default, and ``sinkd`` for the transport term."""

    temperature: float = Field(4.0, gt=0)
    temperature_scheduler: Annotated[str | tuple[Any, ...], BeforeValidator(_null_is_none)] = "none"
    hard_label_weight: float = Field(0.0, ge=0)
    hard_label_weight_scheduler: SchedulerName = "none"
    kd_loss_type: str | tuple[str, dict[str, Any]] = "ce"
    kd_loss_weight: float = Field(1.0, ge=0)
    kd_loss_weight_scheduler: SchedulerName = "none"
    probability_shift: bool = False
    intermediate_matches: tuple[MatchOptions, ...] = ()
    is_caching_logits: bool = False
    sinkd: SinkdOptions | None = None
