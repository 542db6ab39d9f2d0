"""Encoders with a classification head: BERT, RoBERTa, DistilBERT, MiniLM and their relatives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from transformers import (
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from sinkd_plugin.architectures.encoder_reader import EncoderReader
from sinkd_plugin.architectures.fresh import built, described_config
from sinkd_plugin.architectures.heads import check_head
from sinkd_plugin.architectures.layers import cut, kept_layers
from sinkd_plugin.architectures.loading import (
    check_weights,
    limit_length,
    load_config,
    load_tokenizer,
    quiet_transformers,
    translated_errors,
)
from sinkd_plugin.architectures.tokenizer_training import framed
from sinkd_plugin.specs import LayerChoice, Question, Reader


class Encoder:
    """One row of logits an example, ``(batch, classes)``, from ``AutoModelForSequenceClassification``."""

    def load(
        self,
        folder: str,
        labels: Sequence[str],
        *,
        needs_head: bool = False,
        dtype: torch.dtype | None = None,
        device_map: str | None = None,
    ) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        """Load a model with a head for ``labels``, and its tokenizer.

        Args:
            folder: A Transformers folder or a hub id.
            labels: Label names in the order of their numbers; a model without a head gets a new one, initialised
                from torch's random state.
            needs_head: Whether a model without a head is an error, as it is where nothing will train the new one.
            dtype: Of the weights; ``None``: float32.
            device_map: For accelerate; ``None``: on the CPU.

        Raises:
            ModelReferenceError: If the folder has no tokenizer, no safetensors weights, no head where one is needed,
                or a head for other labels.
            DownloadError: If the hub cannot be reached.
        """
        tokenizer = load_tokenizer(folder)
        check_weights(folder)
        check_head(folder, load_config(folder), labels, needs_head=needs_head)
        with quiet_transformers(), translated_errors(folder):
            model = AutoModelForSequenceClassification.from_pretrained(
                folder,
                **_head(labels),
                use_safetensors=True,
                dtype=dtype or torch.float32,
                device_map=device_map,
            )
        limit_length(tokenizer, model)
        return model, tokenizer

    def fresh(
        self, settings: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, labels: Sequence[str]
    ) -> PreTrainedModel:
        """A model with random weights and a head for ``labels``. Errors as ``described_config`` and ``built``."""
        config = described_config(settings, tokenizer, **_head(labels))
        model = built(AutoModelForSequenceClassification, config, settings)
        limit_length(tokenizer, model)
        return model

    def train_tokenizer(self, texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerBase:
        """Byte-pair encoding of words in small letters, framed as BERT's."""
        return framed(texts, vocabulary)

    def check_layers(self, config: PretrainedConfig, layers: LayerChoice, where: str) -> None:
        """Check a choice of layers. Errors as ``kept_layers``."""
        kept_layers(config, layers, where)

    def student_from_layers(self, teacher: PreTrainedModel, layers: LayerChoice) -> PreTrainedModel:
        """A copy of ``teacher`` with only the hidden layers ``layers``, in that order. Errors as ``cut``."""
        return cut(teacher, layers)

    def reader(self, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, question: Question) -> Reader:
        """Texts as they are, in one sequence; one row of logits an example."""
        return EncoderReader(tokenizer, question)


def _head(labels: Sequence[str]) -> dict[str, Any]:
    """A classification head in a configuration's terms."""
    names = dict(enumerate(labels))
    return {"num_labels": len(names), "id2label": names, "label2id": {name: number for number, name in names.items()}}
