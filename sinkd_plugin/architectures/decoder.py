"""Decoders: GPT-Neo, GPT-2, Llama and their relatives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin.architectures.decoder_reader import DecoderReader
from sinkd_plugin.architectures.fresh import built, described_config
from sinkd_plugin.architectures.generative import complete, load_generative
from sinkd_plugin.architectures.layers import cut, kept_layers
from sinkd_plugin.architectures.tokenizer_training import byte_level
from sinkd_plugin.specs import LayerChoice, Question, Reader


class Decoder:
    """A prompt and the answer that goes on from it; from ``AutoModelForCausalLM``."""

    def load(
        self,
        folder: str,
        labels: Sequence[str],
        *,
        needs_head: bool = False,
        dtype: torch.dtype | None = None,
        device_map: str | None = None,
    ) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        """Load a model and its tokenizer; labels are words to it, and need no head. Errors as ``load_generative``."""
        return load_generative(AutoModelForCausalLM, folder, needs_head=needs_head, dtype=dtype, device_map=device_map)

    def fresh(
        self, settings: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, labels: Sequence[str]
    ) -> PreTrainedModel:
        """A model with random weights. Errors as ``described_config`` and ``built``."""
        model = built(AutoModelForCausalLM, described_config(_with_pattern(settings), tokenizer), settings)
        complete(model, tokenizer)
        return model

    def train_tokenizer(self, texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerBase:
        """Byte-pair encoding of bytes, as GPT-2's."""
        return byte_level(texts, vocabulary)

    def check_layers(self, config: PretrainedConfig, layers: LayerChoice, where: str) -> None:
        """Check a choice of layers. Errors as ``kept_layers``."""
        kept_layers(config, layers, where)

    def student_from_layers(self, teacher: PreTrainedModel, layers: LayerChoice) -> PreTrainedModel:
        """A copy of ``teacher`` with some of its layers. Errors as ``cut``."""
        return cut(teacher, layers)

    def reader(self, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, question: Question) -> Reader:
        """Asked by a prompt; read where the answer follows."""
        return DecoderReader(config, tokenizer, question)


def _with_pattern(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """GPT-Neo must be told of each layer whether it looks at all tokens or at the last ones: in turns, unless told."""
    depth = settings.get("num_layers", settings.get("num_hidden_layers"))
    if settings.get("model_type") != "gpt_neo" or "attention_types" in settings or not isinstance(depth, int):
        return settings
    return {**settings, "attention_types": [[[("global", "local")[layer % 2] for layer in range(depth)], 1]]}
