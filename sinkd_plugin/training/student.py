"""One student of a run: built, distilled, scored, saved as a plain Transformers folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sinkd_plugin.console import note
from sinkd_plugin.plugins import announce
from sinkd_plugin.storage import new_folder
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.journal import Journal
from sinkd_plugin.training.learn import learn
from sinkd_plugin.training.material import Material, gather_material
from sinkd_plugin.training.model_card import student_card
from sinkd_plugin.training.prepare import Prepared
from sinkd_plugin.training.processes import on_first
from sinkd_plugin.training.provenance import provenance
from sinkd_plugin.training.risks import risks
from sinkd_plugin.training.stage import Stage, evaluated, finished, write_record
from sinkd_plugin.training.student_fingerprint import student_fingerprint


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
    expected = student_fingerprint(config, prepared, teacher)
    stage = finished(target, expected, provenance(config, prepared))
    if stage is not None:
        note(f"Student '{name}': taken from {target}")
        return stage
    material = gather_material(config, prepared, teacher)
    plan = learn(config, prepared, teacher, material, journal, name, expected)
    scored = evaluated(
        prepared.task.spec.kind,
        material.student,
        material.reader,
        material.tests,
        what=f"'{name}'",
        against=teacher,
        beams=config.decoding.beams,
    )
    scored["scores"] |= _sequences(risks(config, prepared, teacher, material, name))
    record = {"fingerprint": expected, **provenance(config, prepared), **scored}

    def save() -> None:
        _save(material, target, record, student_card(config, prepared, scored["scores"], teacher))
        announce("sinkd_after_distill", plan=plan, result=record["scores"])

    on_first(save)
    return Stage(folder=target, record=record)


def _sequences(found: dict[str, Any]) -> dict[str, Any]:
    return {"sequences": found} if found else {}


def _save(material: Material, target: Path, record: dict[str, Any], card: str) -> None:
    with new_folder(target, overwrite=True) as staging:
        material.student.save_pretrained(staging)
        material.tokenizer.save_pretrained(staging)
        (staging / "README.md").write_text(card, encoding="utf-8")
        write_record(staging, record)
