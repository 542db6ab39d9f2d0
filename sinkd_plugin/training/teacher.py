"""The teacher of a run: fine-tuned if the configuration says so, scored, and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin.console import note
from sinkd_plugin.storage import new_folder
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.device import DTYPES, seed_everything
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
    stage = finished(target, expected, _provenance(config, prepared))
    if stage is not None:
        note(f"Teacher: taken from {target}")
        return stage
    return _make(config, prepared, target, expected)


def frozen_teacher(
    config: RunConfig, prepared: Prepared, stage: Stage | None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The teacher that the students learn from, where it will compute, with its tokenizer.

    Args:
        config: The configuration.
        prepared: What the run starts from.
        stage: The finished teacher; ``None`` before it is scored, where it is used as it is.
    """
    options = config.teacher
    trained_here = stage is not None and options.finetune is not None
    model, tokenizer = prepared.architecture.load(
        str(stage.folder) if stage is not None and trained_here else str(prepared.teacher.reference),
        prepared.task.spec.labels,
        needs_head=True,
        dtype=DTYPES[options.dtype] if options.dtype else None,
        device_map=options.device_map,
    )
    if options.device_map is None:
        model.to(prepared.device)
    return model.eval().requires_grad_(False), tokenizer


def _untrained(config: RunConfig, prepared: Prepared) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    origin, labels = prepared.teacher, prepared.task.spec.labels
    if origin.reference is None:
        model, tokenizer = prepared.architecture.fresh(origin.settings, origin.tokenizer, labels), origin.tokenizer
    else:
        model, tokenizer = prepared.architecture.load(origin.reference, labels)
    return model.to(prepared.device), tokenizer


def _provenance(config: RunConfig, prepared: Prepared) -> dict[str, Any]:
    return {**provenance(config, prepared), "seed": config.teacher_seed}


def _fingerprint(config: RunConfig, prepared: Prepared) -> str:
    options = config.teacher.finetune
    compiled = {"torch_compile": True} if options and config.training.torch_compile else {}
    return fingerprint(
        **compiled,
        model=prepared.teacher.fingerprint,
        data=prepared.data_fingerprint,
        finetune=options.model_dump() if options else None,
        length_normalised=config.readout.length_normalised,
        beams=config.decoding.beams,
        seed=config.teacher_seed,
        bucketing=config.training.bucketing,
        micro_batch_size=config.training.micro_batch_size if options else None,
        precision=prepared.precision,
        device=prepared.device.type,
    )


def _make(config: RunConfig, prepared: Prepared, target: Path, expected: str) -> Stage:
    seed_everything(config.teacher_seed)
    task, options = prepared.task, config.teacher.finetune
    model, tokenizer = _untrained(config, prepared) if options else frozen_teacher(config, prepared, None)
    reader = prepared.architecture.reader(model.config, tokenizer, prepared.question(config))
    train, tests = reader.encode(task.splits["train"]), encoded_tests(task, reader)
    if options is not None:
        finetune(config, options, prepared, model, reader, train, expected)
    scored = evaluated(task.spec.kind, model, reader, tests, what="the teacher", beams=config.decoding.beams)
    record: dict[str, Any] = {"fingerprint": expected, **_provenance(config, prepared), **scored}

    def save() -> None:
        with new_folder(target, overwrite=True) as staging:
            if options is not None:
                model.save_pretrained(staging)
                tokenizer.save_pretrained(staging)
                (staging / "README.md").write_text(teacher_card(config, prepared, scored["scores"]), encoding="utf-8")
            write_record(staging, record)

    on_first(save)
    return Stage(folder=target, record=record)
