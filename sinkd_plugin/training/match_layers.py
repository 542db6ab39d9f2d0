"""Whether the layers that ``intermediate_matches`` names are there, told before the teacher is trained."""

from __future__ import annotations

from transformers import PretrainedConfig

from sinkd_plugin.architectures.layers import kept_layers, matched_layers
from sinkd_plugin.architectures.loading import load_config
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.references import resolve_model
from sinkd_plugin.specs import Architecture
from sinkd_plugin.training.compatibility import student_settings
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.teacher_origin import TeacherOrigin, described_by


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
    layers = {
        "layer_T": matched_layers(teacher.config),
        "layer_S": _students_layers(config, architecture, teacher, labels),
    }
    for number, match in enumerate(matches):
        for key, (depth, stack) in layers.items():
            chosen = getattr(match, key)
            highest = depth if match.feature == "hidden" else depth - 1
            for layer in chosen if isinstance(chosen, tuple) else (chosen,):
                if depth and not -highest - 1 <= layer <= highest:
                    raise ConfigError(
                        f"'{where}.intermediate_matches.{number}.{key}' must be a layer from 0 to {highest} of the "
                        f"{'teacher' if key == 'layer_T' else 'student'}{stack}.",
                        received=str(layer),
                        cure="Of 'hidden', 0 are the embeddings." if match.feature == "hidden" else "",
                    )


def _students_layers(
    config: RunConfig, architecture: Architecture, teacher: TeacherOrigin, labels: tuple[str, ...]
) -> tuple[int, str]:
    student = config.student
    if student.from_teacher_layers is not None:
        depth, stack = matched_layers(teacher.config)
        kept = kept_layers(teacher.config, student.from_teacher_layers, "student.from_teacher_layers") if depth else {}
        return len(next(iter(kept.values()), ())), stack
    return matched_layers(_students_config(config, architecture, teacher, labels))


def _students_config(
    config: RunConfig, architecture: Architecture, teacher: TeacherOrigin, labels: tuple[str, ...]
) -> PretrainedConfig:
    if config.student.from_config is not None:
        return described_by(architecture, student_settings(config, teacher), teacher.tokenizer, labels)
    return load_config(resolve_model(config.student.model or ""))
