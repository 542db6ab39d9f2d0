"""A distiller for GPT-2 students, which keep the table of positions that they have from the teacher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import GPT2PreTrainedModel

from sinkd_plugin import SinkhornDistiller
from sinkd_plugin.specs import DistillationPlan

if TYPE_CHECKING:
    import torch


def is_gpt2(student: torch.nn.Module) -> bool:
    return isinstance(student, GPT2PreTrainedModel)


class FrozenPositions(SinkhornDistiller):
    """sinkd's own distiller, but for the position embeddings."""

    def __init__(self, plan: DistillationPlan) -> None:
        super().__init__(
            plan.train_config,
            plan.distill_config,
            plan.teacher,
            plan.student,
            plan.adaptor,
            plan.adaptor,
            precision=plan.precision,
            observer=plan.observer,
            save_state_dicts=False,
        )

    def train(self, optimizer: Any, dataloader: Any, **arguments: Any) -> None:
        positions = self.model_S.transformer.wpe
        positions.requires_grad_(False)
        try:
            super().train(optimizer, dataloader, **arguments)
        finally:
            positions.requires_grad_(True)
