"""What the distillation of one student works on: both models, encoded splits, the teacher's rows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin.references import resolve_model
from sinkd_plugin.specs import Reader
from sinkd_plugin.textbrewer.distiller import Precision
from sinkd_plugin.training.compatibility import runs_at_every_step
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.device import seed_everything
from sinkd_plugin.training.fingerprint import fingerprint
from sinkd_plugin.training.prepare import Prepared
from sinkd_plugin.training.run_folder import LOGITS_FOLDER
from sinkd_plugin.training.stage import Stage, encoded_tests
from sinkd_plugin.training.teacher import teacher_reference
from sinkd_plugin.training.teacher_cache import cached_rows, fits
from sinkd_plugin.training.teacher_rows import TeacherRows


@dataclass(frozen=True, kw_only=True)
class Material:
    """Everything that ``distill`` needs.

    Args:
        teacher: The frozen teacher, on the device.
        student: The student to train, on the device.
        tokenizer: The student's.
        reader: The student's.
        train: The training split, encoded for the student.
        tests: The test splits, encoded for the student.
        teacher_rows: What the teacher says of the training split, or ``None`` to run it at every step.
        device: Where to compute.
        precision: Of the models.
    """

    teacher: PreTrainedModel
    student: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    reader: Reader
    train: Dataset
    tests: dict[str, Dataset]
    teacher_rows: TeacherRows | None
    device: torch.device
    precision: Precision


def gather_material(config: RunConfig, prepared: Prepared, stage: Stage) -> Material:
    """Load the teacher, build the student, encode the splits, and let the teacher speak once where that will do.

    Args:
        config: The configuration of the student.
        prepared: What the run starts from.
        stage: The finished teacher.
    """
    labels = prepared.task.spec.labels
    teacher, teacher_tokenizer = prepared.architecture.load(teacher_reference(config, prepared, stage), labels)
    teacher.to(prepared.device).eval().requires_grad_(False)
    teacher_rows = _teacher_rows(config, prepared, stage, teacher, teacher_tokenizer)
    seed_everything(config.training.seed)
    student, tokenizer = _student(config, prepared, teacher, teacher_tokenizer)
    reader = prepared.architecture.reader(student.config, tokenizer, prepared.question)
    return Material(
        teacher=teacher,
        student=student.to(prepared.device).requires_grad_(True),
        tokenizer=tokenizer,
        reader=reader,
        train=reader.encode(prepared.task.splits["train"]),
        tests=encoded_tests(prepared.task, reader),
        teacher_rows=teacher_rows,
        device=prepared.device,
        precision=prepared.precision,
    )


def _student(
    config: RunConfig, prepared: Prepared, teacher: PreTrainedModel, teacher_tokenizer: PreTrainedTokenizerBase
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    layers, model = config.student.from_teacher_layers, config.student.model
    if layers is not None:
        return prepared.architecture.student_from_layers(teacher, layers), teacher_tokenizer
    return prepared.architecture.load(resolve_model(model or ""), prepared.task.spec.labels)


def _teacher_rows(
    config: RunConfig,
    prepared: Prepared,
    stage: Stage,
    teacher: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
) -> TeacherRows | None:
    if runs_at_every_step(config):
        return None
    reader = prepared.architecture.reader(teacher.config, tokenizer, prepared.question)
    train = reader.encode(prepared.task.splits["train"])
    if not fits(reader, train):
        return None
    expected = fingerprint(teacher=stage.fingerprint, data=prepared.data_fingerprint, precision=prepared.precision)
    folder = config.training.output_dir / LOGITS_FOLDER
    return cached_rows(folder, expected, teacher, reader, train, prepared.precision)
