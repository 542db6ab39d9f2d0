"""The teacher of a run: fine-tuned if the configuration says so, scored, and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sinkd_plugin.console import note
from sinkd_plugin.storage import new_folder
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.device import seed_everything
from sinkd_plugin.training.finetune import finetune
from sinkd_plugin.training.fingerprint import fingerprint
from sinkd_plugin.training.model_card import teacher_card
from sinkd_plugin.training.prepare import Prepared
from sinkd_plugin.training.processes import on_first
from sinkd_plugin.training.provenance import provenance
from sinkd_plugin.training.stage import Stage, encoded_tests, evaluated, finished, write_record


def teacher_stage(config: RunConfig, prepared: Prepared, target: Path) -> Stage:
    """The run's teacher, made now or taken from an earlier run.

    Args:
        config: The configuration.
        prepared: What the run starts from.
        target: Folder of the stage; holds the model only if it was fine-tuned here.
    """
    expected = _fingerprint(config, prepared)
    stage = finished(target, expected, provenance(config))
    if stage is not None:
        note(f"Teacher: taken from {target}")
        return stage
    return _make(config, prepared, target, expected)


def teacher_reference(config: RunConfig, prepared: Prepared, stage: Stage) -> str:
    """What ``from_pretrained`` takes for the teacher that the students learn from."""
    return str(stage.folder) if config.teacher.finetune else prepared.teacher


def _fingerprint(config: RunConfig, prepared: Prepared) -> str:
    options = config.teacher.finetune
    return fingerprint(
        model=prepared.teacher_fingerprint,
        data=prepared.data_fingerprint,
        finetune=options.model_dump() if options else None,
        seed=config.training.seed,
        bucketing=config.training.bucketing,
        micro_batch_size=config.training.micro_batch_size if options else None,
        precision=prepared.precision,
        device=prepared.device.type,
    )


def _make(config: RunConfig, prepared: Prepared, target: Path, expected: str) -> Stage:
    seed_everything(config.training.seed)
    task, options = prepared.task, config.teacher.finetune
    model, tokenizer = prepared.architecture.load(prepared.teacher, task.spec.labels, needs_head=options is None)
    model.to(prepared.device)
    reader = prepared.architecture.reader(model.config, tokenizer, prepared.question)
    train, tests = reader.encode(task.splits["train"]), encoded_tests(task, reader)
    if options is not None:
        finetune(config, options, prepared, model, reader, train)
    scored = evaluated(task.spec.kind, model, reader, tests, what="the teacher")
    record: dict[str, Any] = {"fingerprint": expected, **provenance(config), **scored}

    def save() -> None:
        with new_folder(target, overwrite=True) as staging:
            if options is not None:
                model.save_pretrained(staging)
                tokenizer.save_pretrained(staging)
                (staging / "README.md").write_text(teacher_card(config, prepared, scored["scores"]), encoding="utf-8")
            write_record(staging, record)

    on_first(save)
    return Stage(folder=target, record=record)
