"""The match loss ``acme_cosine``: the mean angle between hidden states of teacher and student."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sinkd_plugin.options import Options
from sinkd_plugin.specs import LossSpec

if TYPE_CHECKING:
    import torch


def cosine(
    student_states: torch.Tensor, teacher_states: torch.Tensor, mask: torch.Tensor | None = None
) -> torch.Tensor:
    """One minus the cosine of ``(batch, length, width)`` states, mean over the tokens in ``mask (batch, length)``."""
    import torch
    from torch.nn.functional import cosine_similarity

    distance = 1 - cosine_similarity(student_states, teacher_states, dim=-1)
    weight = torch.ones_like(distance) if mask is None else mask.to(distance)
    return (distance * weight).sum() / weight.sum().clamp(min=1)


def build(options: Options) -> Callable[..., torch.Tensor]:
    return cosine


SPEC = LossSpec(
    name="acme_cosine",
    summary="One minus the cosine between hidden states.",
    slot="match_loss",
    options=Options,
    build=build,
)
