"""How much a model has to multiply, counted on a copy without weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sinkd_export.bench.options import Shape
from sinkd_export.families import Family, family_of
from sinkd_export.model_folder import load_config

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig


@dataclass(frozen=True, kw_only=True)
class Work:
    """Floating-point operations of a call; a multiplication with its addition counts as two.

    Args:
        weights: Of products with weights, which int8 makes cheaper.
        attention: Of products of activations with each other, which stay in floating point.
    """

    weights: int
    attention: int


def total(works: Iterable[tuple[Work, int]]) -> Work:
    """The sum of some works, each so many times."""
    counted = list(works)
    return Work(
        weights=sum(work.weights * times for work, times in counted),
        attention=sum(work.attention * times for work, times in counted),
    )


def work_of(model: Path, shape: Shape, new_tokens: int = 1) -> Work | None:
    """The matrix products of one call on a batch of full rows; ``None`` for a model of no known family.

    Args:
        model: Folder with its configuration.
        shape: The batch.
        new_tokens: What a generative model writes in the call, token by token from its cache.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    config = load_config(model)
    family = family_of(config)
    if family is None:
        return None
    counter = FlopCounterMode(display=False)
    with torch.device("meta"), torch.inference_mode():
        bare = _bare(config, family)
        ids = torch.ones((shape.batch, shape.length), dtype=torch.int64)
        with counter:
            _call(bare, family, ids, new_tokens)
    found = {str(operator): count for operator, count in counter.get_flop_counts()["Global"].items()}
    attention = found.get("aten.bmm", 0) + found.get("aten.baddbmm", 0)
    return Work(weights=sum(found.values()) - attention, attention=attention)


def _bare(config: PretrainedConfig, family: Family) -> Any:
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification

    heads: dict[Family, Any] = {
        "encoder": AutoModelForSequenceClassification,
        "encoder_decoder": AutoModelForSeq2SeqLM,
        "decoder": AutoModelForCausalLM,
    }
    # fused attention is no matrix product to the counter
    return heads[family].from_config(config, attn_implementation="eager").eval()


def _call(model: Any, family: Family, ids: Tensor, new_tokens: int) -> None:
    if family == "encoder":
        model(input_ids=ids, attention_mask=ids)
    elif family == "encoder_decoder":
        encoded = model.get_encoder()(input_ids=ids, attention_mask=ids)
        _write(model, {"decoder_input_ids": ids[:, :1]}, new_tokens, encoder_outputs=encoded)
    else:
        _write(model, {"input_ids": ids}, new_tokens)


def _write(model: Any, first: Mapping[str, Tensor], new_tokens: int, **encoded: Any) -> None:
    """The calls of a greedy search: the prompt at once, then each token that was written but the last."""
    ((name, ids),) = first.items()
    # of a prompt only the last token's logits are needed, where the model can leave the others out
    kept = {"logits_to_keep": 1} if "logits_to_keep" in signature(model.forward).parameters else {}
    past, length = None, ids.shape[1]
    for step in range(new_tokens):
        fresh = ids if step == 0 else ids[:, :1]
        mask = {} if encoded else {"attention_mask": ids[:, :1].expand(-1, length + step)}
        out = model(**{name: fresh}, **mask, past_key_values=past, use_cache=True, **kept, **encoded)
        past = out.past_key_values
