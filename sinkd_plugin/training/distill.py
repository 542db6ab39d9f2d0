"""Train one student from the teacher, through TextBrewer's machinery."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.optim import AdamW, Optimizer
from transformers import PreTrainedModel, get_linear_schedule_with_warmup

from sinkd_plugin.architectures.loading import quiet_transformers
from sinkd_plugin.console import progress
from sinkd_plugin.plugins import first_answer
from sinkd_plugin.specs import DistillationPlan, Distiller, Observer
from sinkd_plugin.storage import storage_errors
from sinkd_plugin.textbrewer.configuration import DistillationConfig
from sinkd_plugin.textbrewer.distiller import SinkhornDistiller
from sinkd_plugin.textbrewer.host import textbrewer
from sinkd_plugin.textbrewer.loop import steps_per_epoch
from sinkd_plugin.training.batches import WithTeacherRows, blinded, training_batches
from sinkd_plugin.training.config import OptimizerOptions, RunConfig
from sinkd_plugin.training.journal import Journal
from sinkd_plugin.training.material import Material


def distill(config: RunConfig, material: Material, journal: Journal, name: str) -> DistillationPlan:
    """Train the student in place.

    Args:
        config: The configuration of this student.
        material: Models, data and the teacher's rows.
        journal: Where the loss terms of each step go.
        name: The student's name in the journal and on the progress bar.

    Raises:
        NonFiniteLossError: If the loss becomes NaN or infinite; the journal holds the steps before.
    """
    batches = training_batches(material.train, material.reader, config.optimizer.batch_size, config.training.seed)
    steps = steps_per_epoch(len(batches), config.training.gradient_accumulation_steps) * config.optimizer.epochs
    losses = steps if config.training.scope == "global" else len(batches) * config.optimizer.epochs
    with storage_errors(journal.folder), _progress(journal, name, losses) as observer:
        plan = _plan(config, material, journal.tensorboard(name), observer)
        distiller = _distiller(plan)
        with quiet_transformers(), blinded(material.teacher, material.student), distiller:
            distiller.train(
                _optimizer(material.student, config.optimizer),
                _with_teacher(batches, material),
                num_epochs=config.optimizer.epochs,
                scheduler_class=get_linear_schedule_with_warmup,
                scheduler_args=_schedule(config.optimizer, steps),
                max_grad_norm=config.optimizer.max_grad_norm,
                **material.reader.forward_arguments,
                **_compared_outputs(config, material),
            )
    return plan


def _plan(config: RunConfig, material: Material, log_dir: Path, observer: Observer) -> DistillationPlan:
    return DistillationPlan(
        train_config=textbrewer().TrainingConfig(
            output_dir=str(config.training.output_dir),
            log_dir=str(log_dir),
            device=material.device,
            gradient_accumulation_steps=config.training.gradient_accumulation_steps,
        ),
        distill_config=DistillationConfig.from_options(config.distillation),
        teacher=material.teacher,
        student=material.student,
        adaptor=material.reader.adaptor,
        precision=material.precision,
        scope=config.training.scope,
        observer=observer,
    )


def _distiller(plan: DistillationPlan) -> Distiller:
    """A plugin's distiller if one offers its own for this plan, else ours."""
    offered: Distiller | None = first_answer("sinkd_make_distiller", plan=plan)
    return offered or SinkhornDistiller(
        plan.train_config,
        plan.distill_config,
        plan.teacher,
        plan.student,
        plan.adaptor,
        plan.adaptor,
        precision=plan.precision,
        scope=plan.scope,
        observer=plan.observer,
        save_state_dicts=False,
    )


@contextmanager
def _progress(journal: Journal, name: str, steps: int) -> Iterator[Any]:
    with progress(f"Distilling '{name}'", steps) as meter:

        def observe(step: int, terms: Mapping[str, float]) -> None:
            journal.write(student=name, step=step, **terms)
            meter.advance(loss=terms["total_loss"])

        yield observe


def _compared_outputs(config: RunConfig, material: Material) -> dict[str, bool]:
    """What both models must return for the intermediate matches, as arguments of their forward pass."""
    features = {match.feature for match in config.distillation.intermediate_matches}
    if "attention" in features:
        for model in (material.teacher, material.student):
            # fused kernels never form the attention matrix; BERT cannot switch, but steps aside when it is asked for
            model.set_attn_implementation("eager")
    wanted = {"output_hidden_states": "hidden" in features, "output_attentions": "attention" in features}
    return {name: True for name, needed in wanted.items() if needed}


def _with_teacher(batches: Any, material: Material) -> Any:
    return batches if material.teacher_rows is None else WithTeacherRows(batches, material.teacher_rows)


def _optimizer(student: PreTrainedModel, options: OptimizerOptions) -> Optimizer:
    """AdamW that spares biases and layer norms, the one-dimensional weights, from decay."""
    weights = [weight for weight in student.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in weights if weight.dim() > 1], "weight_decay": options.weight_decay},
        {"params": [weight for weight in weights if weight.dim() <= 1], "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=options.learning_rate)


def _schedule(options: OptimizerOptions, steps: int) -> dict[str, int]:
    return {"num_warmup_steps": int(options.warmup * steps), "num_training_steps": steps}
