"""What the distillation of one student works on: both models, tokenised splits, the teacher's logits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin.references import resolve_model
from sinkd_plugin.specs import Architecture
from sinkd_plugin.textbrewer.distiller import Precision
from sinkd_plugin.training.batches import tokenize
from sinkd_plugin.training.compatibility import runs_at_every_step
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.device import seed_everything
from sinkd_plugin.training.fingerprint import fingerprint
from sinkd_plugin.training.prepare import Prepared
from sinkd_plugin.training.run_folder import LOGITS_FOLDER
from sinkd_plugin.training.stage import Stage
from sinkd_plugin.training.teacher import teacher_reference
from sinkd_plugin.training.teacher_cache import cached_logits


@dataclass(frozen=True, kw_only=True)
class Material:
    """Everything that ``distill`` needs.

    Args:
        architecture: The model family.
        teacher: The frozen teacher, on the device.
        student: The student to train, on the device.
        tokenizer: The student's.
        train: The training split, tokenised for the student.
        test: The test split, tokenised for the student.
        teacher_logits: ``(examples, classes)`` on the training split, or ``None`` to run the teacher at every step.
        device: Where to compute.
        precision: Of the models.
    """

    architecture: Architecture
    teacher: PreTrainedModel
    student: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    train: Dataset
    test: Dataset
    teacher_logits: torch.Tensor | None
    device: torch.device
    precision: Precision


def gather_material(config: RunConfig, prepared: Prepared, stage: Stage) -> Material:
    """Load the teacher, build the student, tokenise the splits, and let the teacher speak once where that will do.

    Args:
        config: The configuration of the student.
        prepared: What the run starts from.
        stage: The finished teacher.
    """
    labels = prepared.task.spec.labels
    teacher, teacher_tokenizer = prepared.architecture.load(teacher_reference(config, prepared, stage), labels)
    teacher.to(prepared.device).eval().requires_grad_(False)
    teacher_logits = _teacher_logits(config, prepared, stage, teacher, teacher_tokenizer)
    seed_everything(config.training.seed)
    student, tokenizer = _student(config, prepared, teacher, teacher_tokenizer)
    return Material(
        architecture=prepared.architecture,
        teacher=teacher,
        student=student.to(prepared.device).requires_grad_(True),
        tokenizer=tokenizer,
        train=_tokenized("train", config, prepared, tokenizer),
        test=_tokenized("test", config, prepared, tokenizer),
        teacher_logits=teacher_logits,
        device=prepared.device,
        precision=prepared.precision,
    )


def _tokenized(split: str, config: RunConfig, prepared: Prepared, tokenizer: PreTrainedTokenizerBase) -> Dataset:
    return tokenize(prepared.task.splits[split], prepared.task.spec.text, tokenizer, config.data.max_length)


def _student(
    config: RunConfig, prepared: Prepared, teacher: PreTrainedModel, teacher_tokenizer: PreTrainedTokenizerBase
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    layers, model = config.student.from_teacher_layers, config.student.model
    if layers is not None:
        return prepared.architecture.student_from_layers(teacher, layers), teacher_tokenizer
    return prepared.architecture.load(resolve_model(model or ""), prepared.task.spec.labels)


def _teacher_logits(
    config: RunConfig,
    prepared: Prepared,
    stage: Stage,
    teacher: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
) -> torch.Tensor | None:
    if runs_at_every_step(config):
        return None
    expected = fingerprint(teacher=stage.fingerprint, data=prepared.data_fingerprint, precision=prepared.precision)
    train = _tokenized("train", config, prepared, tokenizer)
    folder = config.training.output_dir / LOGITS_FOLDER
    return cached_logits(folder, expected, teacher, tokenizer, train, prepared.precision)
