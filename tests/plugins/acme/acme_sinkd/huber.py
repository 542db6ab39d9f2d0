"""The loss ``acme_huber``: Huber's loss between the logits, so that one wild logit of the teacher does not rule."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pydantic import Field

from sinkd_plugin.options import Options
from sinkd_plugin.specs import KdLoss, LossSpec

if TYPE_CHECKING:
    import torch


class HuberOptions(Options):
    """Where the loss turns from a square into a line, in units of logits over the temperature."""

    delta: float = Field(1.0, gt=0)


def huber(
    student_logits: torch.Tensor, teacher_logits: torch.Tensor, temperature: float | torch.Tensor, *, delta: float
) -> torch.Tensor:
    """Mean over all of the ``(..., classes)`` logits."""
    from torch.nn.functional import huber_loss

    if not isinstance(temperature, (int, float)) and temperature.dim() > 0:
        temperature = temperature.unsqueeze(-1)  # a temperature scheduler gives each row its own
    return huber_loss(student_logits / temperature, teacher_logits / temperature, delta=delta)


def build(options: HuberOptions) -> KdLoss:
    return partial(huber, delta=options.delta)


SPEC = LossSpec(
    name="acme_huber",
    summary="Huber's loss between the logits over the temperature.",
    slot="kd_loss",
    options=HuberOptions,
    build=build,
)
