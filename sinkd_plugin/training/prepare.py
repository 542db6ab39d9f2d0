"""Everything that can be wrong with a run, checked before its first long step."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch

from sinkd_plugin.architectures.specs import family_of
from sinkd_plugin.console import note
from sinkd_plugin.specs import Architecture, ArchitectureSpec, Prompt, Question
from sinkd_plugin.tasks.kinds import ANSWER_OF
from sinkd_plugin.tasks.load import LoadedTask, load_task
from sinkd_plugin.textbrewer.configuration import DistillationConfig
from sinkd_plugin.textbrewer.distiller import Precision
from sinkd_plugin.training.compatibility import check_kind, check_losses, check_sequences, check_student
from sinkd_plugin.training.config import RunConfig, students
from sinkd_plugin.training.device import resolve_device, resolve_precision
from sinkd_plugin.training.fingerprint import fingerprint, split_fingerprint
from sinkd_plugin.training.match_layers import check_matches
from sinkd_plugin.training.question import prompt_for, question_of
from sinkd_plugin.training.sizes import check_sizes
from sinkd_plugin.training.teacher_origin import TeacherOrigin, config_of, teacher_origin
from sinkd_plugin.training.teacher_top_k import check_top_k


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a run starts from.

    Args:
        task: The task with its splits.
        prompt: What generative models are asked with; ``None`` for others.
        data_fingerprint: Of the splits, the prompt and the length limit.
        family: The model family.
        architecture: What it builds.
        teacher: What the teacher starts from.
        device: Where to compute.
        precision: Of the models.
    """

    task: LoadedTask
    prompt: Prompt | None
    data_fingerprint: str
    family: ArchitectureSpec
    architecture: Architecture
    teacher: TeacherOrigin
    device: torch.device
    precision: Precision

    def question(self, config: RunConfig) -> Question:
        """What the models of a configuration are asked about the task's examples."""
        return question_of(self.task.spec, self.prompt, config.data, config.readout)


def prepare(config: RunConfig) -> Prepared:
    """Resolve names, check them, and read the data.

    Raises:
        SinkdError: The first thing that is wrong.
    """
    for student in students(config).values():
        DistillationConfig.from_options(student.distillation)  # knows every name and range of its keys
    device = resolve_device(config.training.device)
    family = family_of(config_of(config.teacher), config.architecture)
    task = load_task(config.task, data_dir=config.data_dir, data=config.data, seed=config.training.seed)
    check_kind(task.spec, family)
    note("Data: " + ", ".join(f"{size} {split}" for split, size in task.sizes.items()) + " examples")
    prompt, architecture = prompt_for(family, task.spec, config.prompt), family.build()
    prepared = Prepared(
        task=task,
        prompt=prompt,
        data_fingerprint=fingerprint(
            task=task.spec.name,
            kind=task.spec.kind,
            labels=task.spec.labels,
            splits={name: _split_fingerprint(task, name) for name in ("train", "test", *task.further_tests)},
            max_length=config.data.max_length,
            max_target_length=config.data.max_target_length if task.spec.kind == "generation" else None,
            prompt=asdict(prompt) if prompt else None,
        ),
        family=family,
        architecture=architecture,
        teacher=teacher_origin(config.teacher, architecture, task, prompt),
        device=device,
        precision=resolve_precision(config.training.precision, device),
    )
    for name, student in students(config).items():
        where = "" if name == "student" else f"baselines.{name}."
        check_losses(student, task.spec, f"{where}distillation")
        check_sequences(student, task.spec, where)
        check_top_k(student, where)
        check_sizes(student, len(task.splits["train"]))
        check_student(student, f"{where}student", architecture, prepared.teacher, prepared.question(student))
        check_matches(student, f"{where}distillation", architecture, prepared.teacher, task.spec.labels)
    return prepared


def _split_fingerprint(task: LoadedTask, name: str) -> str:
    return split_fingerprint(task.splits[name], (*task.spec.text, ANSWER_OF[task.spec.kind]))
