"""How a student learns: by the distillation block alone, or by it first and on whole sequences then."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_model

from sinkd_plugin.console import note
from sinkd_plugin.sequence.methods import WRITERS
from sinkd_plugin.specs import DistillationPlan
from sinkd_plugin.storage import new_folder
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.distill import distill, plan_of
from sinkd_plugin.training.journal import Journal
from sinkd_plugin.training.material import Material
from sinkd_plugin.training.prepare import Prepared
from sinkd_plugin.training.processes import on_first
from sinkd_plugin.training.run_folder import WARM_STARTS_FOLDER
from sinkd_plugin.training.sequence_distill import distill_sequences, teachers_decoding
from sinkd_plugin.training.sequence_options import SequenceOptions
from sinkd_plugin.training.stage import Stage, finished, write_record
from sinkd_plugin.training.student_fingerprint import student_fingerprint
from sinkd_plugin.training.teacher_samples import kept_samples
from sinkd_plugin.training.writing import writer_of

WARM_START = ".warm_start"
"""Behind a student's name in the journal, for the part before the sequences."""


def learn(
    config: RunConfig,
    prepared: Prepared,
    teacher: Stage,
    material: Material,
    journal: Journal,
    name: str,
    expected: str,
) -> DistillationPlan:
    """Train the student in place.

    Args:
        config: The configuration of this student.
        prepared: What the run starts from.
        teacher: The finished teacher.
        material: Models, data and the teacher's rows.
        journal: Where the loss terms of each step go.
        name: The student's name.
        expected: Its fingerprint.
    """
    options = config.sequence
    if options is None:
        return _start(config, material, journal, name, expected)
    if options.warm_start != "none":
        before = _before(config, options)
        _start(before, material, journal, f"{name}{WARM_START}", student_fingerprint(before, prepared, teacher))
    writer = writer_of(material.reader)
    samples = None
    if "teacher" in WRITERS[options.taken_from]:
        samples = kept_samples(
            config.training.output_dir,
            prepared,
            teacher,
            material.teacher,
            writer,
            material.train,
            teachers_decoding(options),
            split="train",
            seed=config.training.seed,
        )
    return distill_sequences(config, options, material, writer, samples, journal, name)


def _before(config: RunConfig, options: SequenceOptions) -> RunConfig:
    """The configuration of the student that a warm start makes: one that never sees a sampled sequence."""
    if options.warm_start == "pre_distillation":
        return config.model_copy(update={"sequence": None})
    references = {"hard_label_weight": 1.0, "kd_loss_weight": 0.0, "sinkd": None, "intermediate_matches": ()}
    return config.model_copy(
        update={"sequence": None, "distillation": config.distillation.model_copy(update=references)}
    )


def _start(config: RunConfig, material: Material, journal: Journal, name: str, expected: str) -> DistillationPlan:
    """Distil without sequences, or go on from a warm start that another student of the run has had."""
    target = config.training.output_dir / WARM_STARTS_FOLDER / expected[:12]
    if finished(target, expected):
        note(f"Student '{name}': starts from {target}")
        load_model(material.student, target / "model.safetensors")
        return plan_of(config, material, journal.tensorboard(name), observer=None, micro_batches=1, keeper=None)
    plan = distill(config, material, journal, name, expected)
    if name.endswith(WARM_START):
        on_first(lambda: _keep(material, target, expected))
    return plan


def _keep(material: Material, target: Path, expected: str) -> None:
    with new_folder(target, overwrite=True) as staging:
        material.student.save_pretrained(staging)
        material.tokenizer.save_pretrained(staging)
        write_record(staging, {"fingerprint": expected})
