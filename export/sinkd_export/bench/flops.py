"""How much a classifier has to multiply, counted on a model without weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sinkd_export.bench.options import Shape
from sinkd_export.families import family_of
from sinkd_export.source import load_config


@dataclass(frozen=True, kw_only=True)
class Work:
    """Floating-point operations of a call; a multiplication with its addition counts as two.

    Args:
        weights: Of products with weights, which int8 makes cheaper.
        attention: Of products of activations with each other, which stay in floating point.
    """

    weights: int
    attention: int


def work_of(model: Path, shape: Shape) -> Work | None:
    """The matrix products of an encoder classifier for a batch of full rows; ``None`` for any other model.

    Args:
        model: Folder with its configuration.
        shape: The batch.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import AutoModelForSequenceClassification

    config = load_config(model)
    if family_of(config) != "encoder":
        return None
    with torch.device("meta"):
        # fused attention is no matrix product to the counter
        bare = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").eval()
        ids = torch.ones((shape.batch, shape.length), dtype=torch.int64)
        mask = torch.ones((shape.batch, shape.length), dtype=torch.int64)
    counter = FlopCounterMode(display=False)
    with torch.device("meta"), counter, torch.inference_mode():
        bare(input_ids=ids, attention_mask=mask)
    found = {str(operator): count for operator, count in counter.get_flop_counts()["Global"].items()}
    attention = found.get("aten.bmm", 0) + found.get("aten.baddbmm", 0)
    return Work(weights=sum(found.values()) - attention, attention=attention)
