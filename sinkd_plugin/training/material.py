"""What the distillation of one student works on: both models, encoded splits, the teacher's rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin.references import resolve_model
from sinkd_plugin.specs import Reader
from sinkd_plugin.tasks.kinds import Kind
from sinkd_plugin.textbrewer.distiller import Precision
from sinkd_plugin.training.compatibility import runs_at_every_step, student_settings
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.device import seed_everything
from sinkd_plugin.training.prepare import Prepared
from sinkd_plugin.training.run_folder import LOGITS_FOLDER
from sinkd_plugin.training.stage import Stage, encoded_tests, encoded_to_score
from sinkd_plugin.training.teacher import frozen_teacher
from sinkd_plugin.training.teacher_cache import Cache, cached_rows, fits
from sinkd_plugin.training.teacher_rows import WHOLE_ROWS, TeacherRows
from sinkd_plugin.training.teacher_top_k import row_form


@dataclass(frozen=True, kw_only=True)
class Material:
    """Everything that ``distill`` needs.

    Args:
        teacher: The frozen teacher, on the device.
        student: The student to train, on the device.
        tokenizer: The student's.
        reader: The student's.
        train: The training split, encoded for the student.
        validation: The validation split, encoded for the student.
        kind: Of the task.
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
    validation: Dataset
    kind: Kind
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
    teacher, teacher_tokenizer = frozen_teacher(config, prepared, stage)
    teacher_rows = _teacher_rows(config, prepared, stage, teacher, teacher_tokenizer)
    seed_everything(config.training.seed)
    student, tokenizer = _student(config, prepared, teacher, teacher_tokenizer)
    reader = prepared.architecture.reader(student.config, tokenizer, prepared.question(config))
    return Material(
        teacher=teacher,
        student=student.to(prepared.device).requires_grad_(True),
        tokenizer=tokenizer,
        reader=reader,
        train=reader.encode(prepared.task.splits["train"]),
        validation=encoded_to_score(prepared.task, reader, "validation"),
        kind=prepared.task.spec.kind,
        tests=encoded_tests(prepared.task, reader),
        teacher_rows=teacher_rows,
        device=prepared.device,
        precision=prepared.precision,
    )


def _student(
    config: RunConfig, prepared: Prepared, teacher: PreTrainedModel, teacher_tokenizer: PreTrainedTokenizerBase
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    options, labels = config.student, prepared.task.spec.labels
    if options.from_teacher_layers is not None:
        return prepared.architecture.student_from_layers(teacher, options.from_teacher_layers), teacher_tokenizer
    if options.from_config is not None:
        settings = student_settings(config, prepared.teacher)
        return prepared.architecture.fresh(settings, teacher_tokenizer, labels), teacher_tokenizer
    return prepared.architecture.load(resolve_model(options.model or ""), labels)


def _teacher_rows(
    config: RunConfig,
    prepared: Prepared,
    stage: Stage,
    teacher: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
) -> TeacherRows | None:
    if runs_at_every_step(config):
        return None
    reader = prepared.architecture.reader(teacher.config, tokenizer, prepared.question(config))
    train = reader.encode(prepared.task.splits["train"])
    form, shared = row_form(config), config.training.teacher_cache
    if shared == "auto" and not fits(reader, train, form):
        return None
    depends_on = {
        "teacher": stage.fingerprint,
        "data": prepared.data_fingerprint,
        "rows": config.readout.rows,
        "dtype": config.teacher.dtype,
        "precision": prepared.precision,
        **({} if form == WHOLE_ROWS else asdict(form)),
    }
    place = shared if isinstance(shared, Path) else config.training.output_dir / LOGITS_FOLDER
    cache = Cache(place=place, shared=isinstance(shared, Path), depends_on=depends_on)
    return cached_rows(cache, teacher, reader, train, prepared.precision, form)
