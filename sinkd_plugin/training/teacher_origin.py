"""What a run's teacher starts from: a model that exists, or the configuration of one that does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import CONFIG_MAPPING, PretrainedConfig, PreTrainedTokenizerBase

from sinkd_plugin.architectures.loading import load_config, load_tokenizer
from sinkd_plugin.console import note
from sinkd_plugin.errors import ConfigError, nearest
from sinkd_plugin.references import resolve_model
from sinkd_plugin.specs import Architecture, Prompt
from sinkd_plugin.tasks.load import LoadedTask
from sinkd_plugin.tasks.prompts import asked
from sinkd_plugin.training.fingerprint import fingerprint, model_fingerprint
from sinkd_plugin.training.model_options import TeacherOptions, TokenizerOptions


@dataclass(frozen=True, kw_only=True)
class TeacherOrigin:
    """What the teacher starts from.

    Args:
        reference: What ``from_pretrained`` takes; ``None`` for random weights.
        settings: Of the model with random weights.
        config: The model's configuration.
        tokenizer: Its tokenizer.
        fingerprint: Of its weights, or of what they are drawn from.
    """

    reference: str | None
    settings: Mapping[str, Any]
    config: PretrainedConfig
    tokenizer: PreTrainedTokenizerBase
    fingerprint: str


def config_of(options: TeacherOptions) -> PretrainedConfig:
    """The configuration that tells the teacher's family.

    Raises:
        SinkdError: If the model cannot be found, or no such type is known.
    """
    if options.model is not None:
        return load_config(resolve_model(options.model))
    kind = str((options.from_config or {}).get("model_type"))
    if kind not in CONFIG_MAPPING:
        guess = nearest(kind, CONFIG_MAPPING.keys())
        raise ConfigError(
            "'teacher.from_config.model_type' must be a model type of Transformers, such as bert, t5 or gpt_neo.",
            received=f"'{kind}'",
            cure=f"Did you mean '{guess}'?" if guess else "",
        )
    return CONFIG_MAPPING[kind]()


def teacher_origin(
    options: TeacherOptions, architecture: Architecture, task: LoadedTask, prompt: Prompt | None
) -> TeacherOrigin:
    """Find the teacher's configuration and tokenizer; a tokenizer that is to be trained is trained now.

    Args:
        options: The ``teacher`` block.
        architecture: The teacher's family.
        task: The task, for the texts of the tokenizer and the labels of the head.
        prompt: What models of the family are asked with.

    Raises:
        SinkdError: If the model cannot be found, or its configuration makes no model.
    """
    if options.model is not None:
        reference = resolve_model(options.model)
        return TeacherOrigin(
            reference=reference,
            settings={},
            config=load_config(reference),
            tokenizer=load_tokenizer(reference),
            fingerprint=model_fingerprint(reference),
        )
    settings, source = options.from_config or {}, options.tokenizer or TokenizerOptions(model="")
    tokenizer = _tokenizer(source, architecture, task, prompt)
    return TeacherOrigin(
        reference=None,
        settings=settings,
        config=described_by(architecture, settings, tokenizer, task.spec.labels),
        tokenizer=tokenizer,
        fingerprint=fingerprint(
            settings=settings,
            tokenizer=source.model_dump(),
            files=model_fingerprint(resolve_model(source.model)) if source.model else None,
        ),
    )


def described_by(
    architecture: Architecture, settings: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, labels: Sequence[str]
) -> PretrainedConfig:
    """The configuration of a model with random weights, of which none are drawn yet.

    Raises:
        ConfigError: If it makes no model.
    """
    with torch.device("meta"):
        return architecture.fresh(settings, tokenizer, labels).config


def _tokenizer(
    options: TokenizerOptions, architecture: Architecture, task: LoadedTask, prompt: Prompt | None
) -> PreTrainedTokenizerBase:
    if options.train is None:
        return load_tokenizer(resolve_model(options.model or ""))
    note("Training the tokenizer")
    return architecture.train_tokenizer(_texts(task, prompt), options.train.vocab_size)


def _texts(task: LoadedTask, prompt: Prompt | None) -> Iterator[str]:
    """What the models will read in the training split, and what they may answer."""
    split = task.splits["train"]
    for texts in zip(*(split[column][:] for column in task.spec.text), strict=True):
        if prompt is None:
            yield from texts
        else:
            yield asked(prompt, dict(zip(task.spec.text, texts, strict=True)))
    if prompt is not None:
        yield from (f"{word} {word}" for word in prompt.verbalisers)
    if "target" in split.column_names:
        yield from split["target"][:]
