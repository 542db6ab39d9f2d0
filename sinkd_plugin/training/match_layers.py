"""Whether the layers that ``intermediate_matches`` names are there, told before the teacher is trained."""

from __future__ import annotations

from collections.abc import Mapping

from sinkd_plugin.architectures.layers import DECODER, kept_layers, matched_layers
from sinkd_plugin.architectures.loading import load_config
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.references import resolve_model
from sinkd_plugin.specs import Architecture
from sinkd_plugin.textbrewer.features import DECODER_FEATURES, is_attention
from sinkd_plugin.textbrewer.options import MatchOptions
from sinkd_plugin.training.compatibility import student_settings
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.teacher_origin import TeacherOrigin, described_by

Depths = Mapping[str, int]
"""Layers of each stack, ``""`` where there is one; nothing where that cannot be told."""


def check_matches(
    config: RunConfig, where: str, architecture: Architecture, teacher: TeacherOrigin, labels: tuple[str, ...]
) -> None:
    """Check that both models have the layers that are to be compared.

    Args:
        config: The configuration of the student.
        where: Path of its ``distillation`` block, for messages.
        architecture: The family of both.
        teacher: What the teacher starts from.
        labels: Of the task.

    Raises:
        ConfigError: If a model has no such layer. A model whose configuration does not tell how many it has is heard
            first, at its first step.
    """
    matches = config.distillation.intermediate_matches
    if not matches:
        return
    theirs = matched_layers(teacher.config)
    ours = _students_layers(config, architecture, teacher, labels, theirs)
    for number, match in enumerate(matches):
        place = f"{where}.intermediate_matches.{number}"
        _check(match, "layer_T", "teacher", theirs, place)
        _check(match, "layer_S", "student", ours, place)


def _check(match: MatchOptions, key: str, model: str, depths: Depths, where: str) -> None:
    stack = _stack(match, depths, where)
    if stack not in depths:
        return
    owner = f"{model}'s {stack}" if stack else model
    attends, chosen = is_attention(match.feature), getattr(match, key)
    highest = depths[stack] - attends
    for layer in chosen if isinstance(chosen, tuple) else (chosen,):
        if not -highest - 1 <= layer <= highest:
            raise ConfigError(
                f"'{where}.{key}' must be a layer from 0 to {highest} of the {owner}.",
                received=str(layer),
                cure="" if attends else f"Of '{match.feature}', 0 are the embeddings.",
            )


def _stack(match: MatchOptions, depths: Depths, where: str) -> str:
    """The stack that a feature is of: of two, the first one's has the plain name."""
    if match.feature not in DECODER_FEATURES:
        return next(iter(depths), "")
    if depths and DECODER not in depths:
        raise ConfigError(
            f"'{where}.feature: {match.feature}' needs a model with two stacks of layers, such as T5.",
            received="a model with one",
            cure=f"Write {match.feature.removeprefix('decoder_')}.",
        )
    return DECODER


def _students_layers(
    config: RunConfig, architecture: Architecture, teacher: TeacherOrigin, labels: tuple[str, ...], theirs: Depths
) -> Depths:
    student = config.student
    if student.from_teacher_layers is not None:
        kept = kept_layers(teacher.config, student.from_teacher_layers, "student.from_teacher_layers") if theirs else {}
        return {stack: len(layers) for stack, layers in kept.items()}
    if student.from_config is not None:
        return matched_layers(described_by(architecture, student_settings(config, teacher), teacher.tokenizer, labels))
    return matched_layers(load_config(resolve_model(student.model or "")))
