"""Encoders with a classification head: BERT, RoBERTa, DistilBERT, MiniLM and their relatives."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from torch import nn
from transformers import AutoModelForSequenceClassification, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin.architectures.encoder_reader import EncoderReader
from sinkd_plugin.architectures.heads import check_head
from sinkd_plugin.architectures.loading import (
    check_weights,
    limit_length,
    load_config,
    load_tokenizer,
    quiet_transformers,
    translated_errors,
)
from sinkd_plugin.errors import ConfigError, ModelReferenceError
from sinkd_plugin.specs import Question, Reader


class Encoder:
    """One row of logits an example, ``(batch, classes)``, from ``AutoModelForSequenceClassification``."""

    def load(
        self, folder: str, labels: Sequence[str], *, needs_head: bool = False
    ) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        """Load a model with a head for ``labels``, and its tokenizer.

        Args:
            folder: A Transformers folder or a hub id.
            labels: Label names in the order of their numbers; a model without a head gets a new one, initialised
                from torch's random state.
            needs_head: Whether a model without a head is an error, as it is where nothing will train the new one.

        Raises:
            ModelReferenceError: If the folder has no tokenizer, no safetensors weights, no head where one is needed,
                or a head for other labels.
            DownloadError: If the hub cannot be reached.
        """
        tokenizer = load_tokenizer(folder)
        check_weights(folder)
        check_head(folder, load_config(folder), labels, needs_head=needs_head)
        names = dict(enumerate(labels))
        with quiet_transformers(), translated_errors(folder):
            model = AutoModelForSequenceClassification.from_pretrained(
                folder,
                num_labels=len(names),
                id2label=names,
                label2id={name: number for number, name in names.items()},
                use_safetensors=True,
            )
        limit_length(tokenizer, model)
        return model, tokenizer

    def student_from_layers(self, teacher: PreTrainedModel, layers: Sequence[int]) -> PreTrainedModel:
        """A copy of ``teacher`` with only the hidden layers ``layers`` (zero-based), in that order; the rest is kept.

        Raises:
            ConfigError: If a layer does not exist, or is named twice.
            ModelReferenceError: If the model has no list of layers of its own (ALBERT shares one among all).
        """
        _check_layers(layers, teacher.config.num_hidden_layers)
        config = copy.deepcopy(teacher.config)
        config.num_hidden_layers = len(layers)
        student = type(teacher)(config)
        student.load_state_dict(_renumbered(teacher, layers))
        return student

    def reader(self, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, question: Question) -> Reader:
        """Texts as they are, in one sequence; one row of logits an example."""
        return EncoderReader(tokenizer, question)


def _check_layers(layers: Sequence[int], depth: int) -> None:
    if len(set(layers)) != len(layers) or not all(0 <= layer < depth for layer in layers):
        raise ConfigError(
            f"'student.from_teacher_layers' must name different layers from 0 to {depth - 1}.", received=list(layers)
        )


def _renumbered(teacher: PreTrainedModel, layers: Sequence[int]) -> dict[str, Any]:
    """The teacher's state with the kept layers numbered from 0 and the others left out."""
    prefix = _layer_prefix(teacher)
    kept = {f"{prefix}{old}.": f"{prefix}{new}." for new, old in enumerate(layers)}
    state = {}
    for name, tensor in teacher.state_dict().items():
        if not name.startswith(prefix):
            state[name] = tensor
            continue
        old = prefix + name.removeprefix(prefix).split(".", 1)[0] + "."
        if old in kept:
            state[kept[old] + name.removeprefix(old)] = tensor
    return state


def _layer_prefix(model: PreTrainedModel) -> str:
    depth = model.config.num_hidden_layers
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return f"{name}."
    raise ModelReferenceError(
        "Layers can be taken only from a model that has a list of them.",
        received=f"model type '{model.config.model_type}'",
        cure="Give the student as a model of its own: `student: {model: …}`.",
    )
