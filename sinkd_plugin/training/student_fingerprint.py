"""What a student depends on."""

from __future__ import annotations

from sinkd_plugin.references import resolve_model
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.fingerprint import fingerprint, model_fingerprint
from sinkd_plugin.training.prepare import Prepared
from sinkd_plugin.training.stage import Stage

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

_ADDED_KEYS = {"teacher_top_k", "torch_compile"}
"""The same of keys that came later: at their defaults, students of before are still what the configuration says."""


def student_fingerprint(config: RunConfig, prepared: Prepared, teacher: Stage) -> str:
    """The hash of everything that a student's weights and scores depend on."""
    model, kept = config.student.model, config.training.checkpoints
    # of the last step it is the student whatever is kept meanwhile
    taken = {"taken": kept.model_dump(include={"best", "steps", "use_best"})} if kept.use_best else {}
    return fingerprint(
        **taken,
        teacher=teacher.fingerprint,
        student=config.student.model_dump(),
        weights=model_fingerprint(resolve_model(model)) if model else None,
        data=prepared.data_fingerprint,
        distillation=config.distillation.model_dump(),
        optimizer=config.optimizer.model_dump(),
        sequence=config.sequence.model_dump() if config.sequence else None,
        decoding=config.decoding.model_dump(),
        readout=config.readout.model_dump(),
        training={
            **config.training.model_dump(include=_TRAINING_KEYS),
            **config.training.model_dump(include=_ADDED_KEYS, exclude_defaults=True),
        },
        teacher_runs=config.training.teacher_cache == "off",
        precision=prepared.precision,
        device=prepared.device.type,
    )
