"""Everything that can be wrong with a run, checked before its first long step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import PretrainedConfig

from sinkd_plugin.architectures.loading import load_config as load_model_config
from sinkd_plugin.architectures.specs import architecture_of
from sinkd_plugin.catalog import catalog
from sinkd_plugin.console import note
from sinkd_plugin.references import resolve_model
from sinkd_plugin.specs import Architecture, ArchitectureSpec, Question
from sinkd_plugin.tasks.kinds import ANSWER_OF
from sinkd_plugin.tasks.load import LoadedTask, load_task
from sinkd_plugin.textbrewer.configuration import DistillationConfig
from sinkd_plugin.textbrewer.distiller import Precision
from sinkd_plugin.training.compatibility import check_kind, check_losses, check_student
from sinkd_plugin.training.config import RunConfig, students
from sinkd_plugin.training.device import resolve_device, resolve_precision
from sinkd_plugin.training.fingerprint import fingerprint, model_fingerprint, split_fingerprint
from sinkd_plugin.training.question import question_of
from sinkd_plugin.training.sizes import check_sizes


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a run starts from.

    Args:
        task: The task with its splits.
        question: What the models are asked about its examples.
        data_fingerprint: Of the splits and the length limit.
        architecture: The model family.
        architecture_name: Its name.
        teacher: What ``from_pretrained`` takes for the teacher.
        teacher_fingerprint: Of its weights.
        device: Where to compute.
        precision: Of the models.
    """

    task: LoadedTask
    question: Question
    data_fingerprint: str
    architecture: Architecture
    architecture_name: str
    teacher: str
    teacher_fingerprint: str
    device: torch.device
    precision: Precision


def prepare(config: RunConfig) -> Prepared:
    """Resolve names, check them, and read the data.

    Raises:
        SinkdError: The first thing that is wrong.
    """
    for student in students(config).values():
        DistillationConfig.from_options(student.distillation)  # knows every name and range of its keys
    device = resolve_device(config.training.device)
    teacher = resolve_model(config.teacher.model)
    model_config = load_model_config(teacher)
    spec = _architecture(config, model_config)
    for name, student in students(config).items():
        check_student(student, "student" if name == "student" else f"baselines.{name}.student", teacher, model_config)
    task = load_task(config.task, data_dir=config.data_dir, data=config.data, seed=config.training.seed)
    check_kind(task.spec)
    note("Data: " + ", ".join(f"{size} {split}" for split, size in task.sizes.items()) + " examples")
    for name, student in students(config).items():
        check_losses(student, task.spec, "distillation" if name == "student" else f"baselines.{name}.distillation")
        check_sizes(student, len(task.splits["train"]))
    return Prepared(
        task=task,
        question=question_of(task.spec, max_length=config.data.max_length),
        data_fingerprint=fingerprint(
            task=task.spec.name,
            kind=task.spec.kind,
            labels=task.spec.labels,
            splits={name: _split_fingerprint(task, name) for name in ("train", "test", *task.further_tests)},
            max_length=config.data.max_length,
        ),
        architecture=spec.build(),
        architecture_name=spec.name,
        teacher=teacher,
        teacher_fingerprint=model_fingerprint(teacher),
        device=device,
        precision=resolve_precision(config.training.precision, device),
    )


def _split_fingerprint(task: LoadedTask, name: str) -> str:
    return split_fingerprint(task.splits[name], (*task.spec.text, ANSWER_OF[task.spec.kind]))


def _architecture(config: RunConfig, model_config: PretrainedConfig) -> ArchitectureSpec:
    if config.architecture != "auto":
        return catalog().architectures.get(config.architecture)
    return architecture_of(model_config)
