"""Whether a student fits its teacher, told before the teacher is trained."""

from __future__ import annotations

from transformers import PretrainedConfig

from sinkd_plugin.architectures.loading import load_config, load_tokenizer
from sinkd_plugin.catalog import catalog
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.references import resolve_model
from sinkd_plugin.specs import TaskSpec
from sinkd_plugin.training.config import RunConfig


def check_student(config: RunConfig, where: str, teacher: str, teacher_config: PretrainedConfig) -> None:
    """Check that a student can be made, and can learn from the teacher.

    Args:
        config: The configuration of the student.
        where: Path of its ``student`` block, for messages.
        teacher: What ``from_pretrained`` takes for the teacher.
        teacher_config: The teacher's configuration.

    Raises:
        ConfigError: If a layer does not exist or is named twice, or two vocabularies meet where they must not.
        ModelReferenceError: If the student's model cannot be loaded.
    """
    layers, model = config.student.from_teacher_layers, config.student.model
    if layers is not None:
        _check_layers(layers, f"{where}.from_teacher_layers", teacher_config)
    if model is not None:
        folder = resolve_model(model)
        load_config(folder)
        _check_tokens(config, teacher, folder)


def check_kind(task: TaskSpec) -> None:
    """Check that models can be trained and scored on a task.

    Raises:
        ConfigError: If it is neither classification nor regression.
    """
    if task.kind == "generation":
        raise ConfigError(
            "The task must be a classification or a regression.",
            received=f"'{task.name}', a {task.kind}",
            cure="`sinkd list tasks` shows others.",
        )


def check_losses(config: RunConfig, task: TaskSpec, where: str) -> None:
    """Check that a student's losses can compare what its models give for the task.

    Args:
        config: The configuration of the student.
        task: The task.
        where: Path of its ``distillation`` block, for messages.

    Raises:
        ConfigError: If the task is a regression, whose models give one logit, and a loss compares probabilities: the
            softmax of one logit is 1 whatever it is.
    """
    if task.kind != "regression":
        return
    loss = config.distillation.kd_loss_type
    name = loss if isinstance(loss, str) else loss[0]
    wrong = [] if config.distillation.sinkd is None else [f"{where}.sinkd"]
    if config.distillation.kd_loss_weight > 0 and not _for_numbers(name):
        wrong = [f"{where}.kd_loss_type: {name}", *wrong]
    if wrong:
        raise ConfigError(
            f"The one logit of the regression '{task.name}' is a number: it has no probabilities to compare.",
            received=" and ".join(wrong),
            cure=f"Set {where}.kd_loss_type to mse and {where}.temperature to 1, and leave out {where}.sinkd.",
        )


def _for_numbers(loss: str) -> bool:
    return loss in catalog().losses and catalog().losses.get(loss).for_numbers


def runs_at_every_step(config: RunConfig) -> bool:
    """Whether the teacher sees each batch: intermediate matches look at its hidden states, which are not kept."""
    return config.training.teacher_cache == "off" or bool(config.distillation.intermediate_matches)


def _check_layers(layers: tuple[int, ...], where: str, teacher: PretrainedConfig) -> None:
    depth = getattr(teacher, "num_hidden_layers", None)
    if depth is None:
        return  # a family without a plain list of layers; its architecture knows
    if len(set(layers)) != len(layers) or not all(0 <= layer < depth for layer in layers):
        raise ConfigError(f"'{where}' must name different layers from 0 to {depth - 1}.", received=list(layers))


def _check_tokens(config: RunConfig, teacher: str, student: str) -> None:
    tokenizer = load_tokenizer(student)
    if runs_at_every_step(config) and tokenizer.get_vocab() != load_tokenizer(teacher).get_vocab():
        raise ConfigError(
            "Teacher and student must share a tokenizer where the teacher runs at every step.",
            received="two different vocabularies",
            cure="Set training.teacher_cache to auto and leave out distillation.intermediate_matches.",
        )
