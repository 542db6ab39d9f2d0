"""One student of a run: built, distilled, scored, saved as a plain Transformers folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sinkd_plugin.console import note
from sinkd_plugin.plugins import announce
from sinkd_plugin.references import resolve_model
from sinkd_plugin.storage import new_folder
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.distill import distill
from sinkd_plugin.training.fingerprint import fingerprint, model_fingerprint
from sinkd_plugin.training.journal import Journal
from sinkd_plugin.training.material import Material, gather_material
from sinkd_plugin.training.model_card import student_card
from sinkd_plugin.training.prepare import Prepared
from sinkd_plugin.training.processes import on_first
from sinkd_plugin.training.provenance import provenance
from sinkd_plugin.training.stage import Stage, evaluated, finished, write_record


def student_stage(
    config: RunConfig, prepared: Prepared, teacher: Stage, journal: Journal, name: str, target: Path
) -> Stage:
    """A student, made now or taken from an earlier run.

    Args:
        config: The configuration of this student.
        prepared: What the run starts from.
        teacher: The finished teacher.
        journal: Where the loss terms go.
        name: The student's name.
        target: Its folder.
    """
    expected = _fingerprint(config, prepared, teacher)
    stage = finished(target, expected, provenance(config, prepared))
    if stage is not None:
        note(f"Student '{name}': taken from {target}")
        return stage
    material = gather_material(config, prepared, teacher)
    plan = distill(config, material, journal, name, expected)
    kind = prepared.task.spec.kind
    scored = evaluated(kind, material.student, material.reader, material.tests, what=f"'{name}'", against=teacher)
    record = {"fingerprint": expected, **provenance(config, prepared), **scored}

    def save() -> None:
        _save(material, target, record, student_card(config, prepared, scored["scores"], teacher))
        announce("sinkd_after_distill", plan=plan, result=record["scores"])

    on_first(save)
    return Stage(folder=target, record=record)


def _save(material: Material, target: Path, record: dict[str, Any], card: str) -> None:
    with new_folder(target, overwrite=True) as staging:
        material.student.save_pretrained(staging)
        material.tokenizer.save_pretrained(staging)
        (staging / "README.md").write_text(card, encoding="utf-8")
        write_record(staging, record)


_TRAINING_KEYS = {
    "seed",
    "gradient_accumulation_steps",
    "gradient_checkpointing",
    "group_size",
    "micro_batch_size",
    "scope",
    "bucketing",
}
"""What of ``training`` decides about the weights."""


def _fingerprint(config: RunConfig, prepared: Prepared, teacher: Stage) -> str:
    model = config.student.model
    return fingerprint(
        teacher=teacher.fingerprint,
        student=config.student.model_dump(),
        weights=model_fingerprint(resolve_model(model)) if model else None,
        data=prepared.data_fingerprint,
        distillation=config.distillation.model_dump(),
        optimizer=config.optimizer.model_dump(),
        readout=config.readout.model_dump(),
        training=config.training.model_dump(include=_TRAINING_KEYS),
        teacher_runs=config.training.teacher_cache == "off",
        precision=prepared.precision,
        device=prepared.device.type,
    )
