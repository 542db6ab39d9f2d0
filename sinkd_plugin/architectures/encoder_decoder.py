"""Encoder-decoders: T0, T5, BART and their relatives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from transformers import AutoModelForSeq2SeqLM, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin.architectures.encoder_decoder_reader import EncoderDecoderReader
from sinkd_plugin.architectures.fresh import built, described_config
from sinkd_plugin.architectures.generative import complete, load_generative
from sinkd_plugin.architectures.layers import cut, kept_layers
from sinkd_plugin.architectures.tokenizer_training import ended
from sinkd_plugin.specs import LayerChoice, Question, Reader


class EncoderDecoder:
    """A prompt into the encoder, an answer out of the decoder; from ``AutoModelForSeq2SeqLM``."""

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
        return load_generative(AutoModelForSeq2SeqLM, folder, needs_head=needs_head, dtype=dtype, device_map=device_map)

    def fresh(
        self, settings: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, labels: Sequence[str]
    ) -> PreTrainedModel:
        """A model with random weights. Errors as ``described_config`` and ``built``."""
        start = {"decoder_start_token_id": tokenizer.pad_token_id}
        model = built(AutoModelForSeq2SeqLM, described_config(settings, tokenizer, **start), settings)
        complete(model, tokenizer)
        return model

    def train_tokenizer(self, texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerBase:
        """Byte-pair encoding of words, ended as T5's."""
        return ended(texts, vocabulary)

    def check_layers(self, config: PretrainedConfig, layers: LayerChoice, where: str) -> None:
        """Check a choice of layers for both stacks, or for each. Errors as ``kept_layers``."""
        kept_layers(config, layers, where)

    def student_from_layers(self, teacher: PreTrainedModel, layers: LayerChoice) -> PreTrainedModel:
        """A copy of ``teacher`` with some layers of each stack. Errors as ``cut``."""
        return cut(teacher, layers)

    def reader(self, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, question: Question) -> Reader:
        """Asked by a prompt; read at the decoder's positions."""
        return EncoderDecoderReader(config, tokenizer, question)
