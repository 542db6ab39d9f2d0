"""Which models are exported, and what an export of each can compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from transformers import PretrainedConfig

Form = Literal["classification", "generation"]
"""What a graph computes: one row of label scores an example, or the next token, with a key-value cache."""

Family = Literal["encoder", "encoder_decoder", "decoder"]

MODEL_TYPES: Mapping[Family, tuple[str, ...]] = {
    "encoder": ("albert", "bert", "distilbert", "electra", "mobilebert", "mpnet", "roberta"),
    "encoder_decoder": ("bart", "mt5", "t5"),
    "decoder": ("gpt2", "gpt_neo"),
}
"""Model types that are exported; a test exports and verifies each of them."""

HEADS: Mapping[Family, tuple[str, ...]] = {
    "encoder": ("ForSequenceClassification",),
    "encoder_decoder": ("ForConditionalGeneration",),
    "decoder": ("ForCausalLM", "LMHeadModel"),
}
"""How the classes that carry the right head are called."""

TOLERANCE = 1e-3
"""Largest difference of a logit in float32, relative to the range of all logits; seen are 3e-6 and less."""


def family_of(config: PretrainedConfig) -> Family | None:
    """The family of a model that can be exported, by its type and its head; ``None`` for any other."""
    named = config.architectures or []
    for family, types in MODEL_TYPES.items():
        if config.model_type in types and any(name.endswith(HEADS[family]) for name in named):
            return family
    return None


def can_be_onnx(config: PretrainedConfig) -> bool:
    """Whether a model of this configuration can be exported to ONNX."""
    return family_of(config) is not None


def default_form(family: Family) -> Form:
    """Classifiers classify; generative models generate unless they are asked to classify."""
    return "classification" if family == "encoder" else "generation"
