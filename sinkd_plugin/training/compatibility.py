"""Whether a student fits its teacher, told before the teacher is trained."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedTokenizerBase

from sinkd_plugin.architectures.loading import load_config, load_tokenizer
from sinkd_plugin.catalog import catalog
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.references import resolve_model
from sinkd_plugin.specs import Architecture, ArchitectureSpec, Question, Reader, TaskSpec
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.teacher_origin import TeacherOrigin, described_by


def check_student(
    config: RunConfig, where: str, architecture: Architecture, teacher: TeacherOrigin, question: Question
) -> None:
    """Check that a student can be made, and can learn from the teacher.

    Args:
        config: The configuration of the student.
        where: Path of its ``student`` block, for messages.
        architecture: The family of both.
        teacher: What the teacher starts from.
        question: What both are asked.

    Raises:
        ConfigError: If a layer does not exist or is named twice, a configuration makes no model, the answers cannot be
            told apart, or two vocabularies meet where they must not.
        ModelReferenceError: If the student's model cannot be loaded.
    """
    theirs = architecture.reader(teacher.config, teacher.tokenizer, question)
    options = config.student
    if options.from_teacher_layers is not None:
        architecture.check_layers(teacher.config, options.from_teacher_layers, f"{where}.from_teacher_layers")
    if options.from_config is not None:
        described_by(architecture, student_settings(config, teacher), teacher.tokenizer, question.labels)
    if options.model is not None:
        folder = resolve_model(options.model)
        tokenizer = load_tokenizer(folder)
        ours = architecture.reader(load_config(folder), tokenizer, question)
        _check_columns(ours, theirs)
        _check_tokens(config, tokenizer, teacher.tokenizer)


def student_settings(config: RunConfig, teacher: TeacherOrigin) -> dict[str, Any]:
    """The configuration of a student ``from_config``, with a vocabulary as large as its teacher's."""
    return {"vocab_size": teacher.config.vocab_size, **(config.student.from_config or {})}


def check_kind(task: TaskSpec, family: ArchitectureSpec) -> None:
    """Check that models of a family can answer a task.

    Raises:
        ConfigError: If texts are to be written by a family with a classification head, or numbers by one that writes.
    """
    if task.kind == "generation" and not family.prompted:
        raise ConfigError(
            "A text can be written only by a generative model.",
            received=f"the task '{task.name}' for a model of the family '{family.name}'",
            cure="Choose an encoder-decoder or a decoder, such as T5 or GPT-2.",
        )


def check_sequences(config: RunConfig, task: TaskSpec, where: str) -> None:
    """Check that what a configuration says of sequences fits the task.

    Args:
        config: The configuration of the student.
        task: The task.
        where: Path of the student's keys, for messages: empty, or of a baseline with a dot behind it.

    Raises:
        ConfigError: If there are no sequences to distil, or not all of their tokens are read out.
    """
    if config.sequence is not None and task.kind != "generation":
        raise ConfigError(
            f"'{where}sequence' needs a task whose answer is a text.",
            received=f"'{task.name}', a {task.kind}",
            cure="Leave it out, or describe such a task: task: {files: …, text: …, target: …}.",
        )
    if task.kind == "generation" and config.readout.rows != "answer":
        raise ConfigError(
            f"'{where}readout' must be answer where a text is to be written: all of its tokens are compared.",
            received=config.readout.rows,
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


def _check_columns(student: Reader, teacher: Reader) -> None:
    if tuple(student.columns) != tuple(teacher.columns):
        raise ConfigError(
            "Teacher and student must share a tokenizer where their predictions are of its tokens.",
            received="two different vocabularies",
            cure="Choose a student with the teacher's tokenizer, or readout: verbaliser, which compares labels.",
        )


def _check_tokens(config: RunConfig, student: PreTrainedTokenizerBase, teacher: PreTrainedTokenizerBase) -> None:
    if runs_at_every_step(config) and student.get_vocab() != teacher.get_vocab():
        raise ConfigError(
            "Teacher and student must share a tokenizer where the teacher runs at every step.",
            received="two different vocabularies",
            cure="Set training.teacher_cache to auto and leave out distillation.intermediate_matches.",
        )
