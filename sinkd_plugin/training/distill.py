"""Train one student from the teacher, through TextBrewer's machinery."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

from transformers import get_linear_schedule_with_warmup

from sinkd_plugin.architectures.loading import quiet_transformers
from sinkd_plugin.plugins import first_answer
from sinkd_plugin.specs import DistillationPlan, Distiller, Observer
from sinkd_plugin.storage import storage_errors
from sinkd_plugin.textbrewer.configuration import DistillationConfig
from sinkd_plugin.textbrewer.distiller import SinkhornDistiller
from sinkd_plugin.textbrewer.features import is_attention
from sinkd_plugin.textbrewer.host import textbrewer
from sinkd_plugin.training import processes
from sinkd_plugin.training.batches import with_teacher_rows
from sinkd_plugin.training.checkpointing import checkpointed
from sinkd_plugin.training.compiling import compiled
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.device import seed_this_process
from sinkd_plugin.training.groups import TrainingGroups
from sinkd_plugin.training.journal import Journal
from sinkd_plugin.training.keeping import RunKeeper, keeper_of
from sinkd_plugin.training.material import Material
from sinkd_plugin.training.optimizing import optimizer_of, schedule
from sinkd_plugin.training.processes import on_first
from sinkd_plugin.training.sizes import student_grouping
from sinkd_plugin.training.stopping import between_steps
from sinkd_plugin.training.validation import student_score
from sinkd_plugin.training.watching import watched


def distill(config: RunConfig, material: Material, journal: Journal, name: str, expected: str) -> DistillationPlan:
    """Train the student in place.

    Args:
        config: The configuration of this student.
        material: Models, data and the teacher's rows.
        journal: Where the loss terms of each step go.
        name: The student's name in the journal and on the progress bar.
        expected: Fingerprint of everything it depends on; its checkpoints carry it.

    Raises:
        NonFiniteLossError: If the loss becomes NaN or infinite; the journal holds the steps before.
    """
    grouping = student_grouping(config)
    groups = TrainingGroups(material.train, material.reader.collate, grouping)
    epochs, steps = config.optimizer.epochs, groups.steps_per_epoch * config.optimizer.epochs
    losses = steps if config.training.scope == "global" else len(groups) * epochs
    with (
        storage_errors(journal.folder),
        watched(
            f"Distilling '{name}'",
            losses,
            examples=len(material.train) * epochs / losses,
            device=material.device,
            journal=journal,
            name=name,
        ) as observer,
        between_steps() as stop,
    ):
        keeper = keeper_of(config, name, expected, stop, groups.steps_per_epoch, student_score(config, material))
        if keeper.record is None:
            on_first(lambda: rmtree(journal.tensorboard(name), ignore_errors=True))
        micro_batches = -(-len(groups) // groups.steps_per_epoch)
        plan = plan_of(config, material, journal.tensorboard(name), observer, micro_batches, keeper)
        distiller = _distiller(plan)
        arguments = {**material.reader.forward_arguments, **_compared_outputs(config, material)}
        with quiet_transformers(), ready(config, material), _compiled(config, material, arguments), distiller:
            seed_this_process(config.training.seed, processes.rank())
            distiller.train(
                optimizer_of(material.student, config.optimizer),
                groups,
                num_epochs=epochs,
                scheduler_class=get_linear_schedule_with_warmup,
                scheduler_args=schedule(config.optimizer, steps),
                max_grad_norm=config.optimizer.max_grad_norm,
                batch_postprocessor=_with_teacher(material),
                **arguments,
            )
        keeper.finish(material.student)
    return plan


@contextmanager
def ready(config: RunConfig, material: Material) -> Iterator[None]:
    """Both models take the reader's batches; the student keeps no activations, where the configuration says so."""
    attached = material.reader.attached
    with (
        attached(material.teacher),
        attached(material.student),
        checkpointed(material.student, config.training.gradient_checkpointing),
    ):
        yield


def _compiled(config: RunConfig, material: Material, arguments: Mapping[str, Any]) -> AbstractContextManager[None]:
    """The student, and a teacher that runs at every step, compiled where the configuration says so."""
    models = [material.student] if material.teacher_rows is not None else [material.student, material.teacher]
    wanted = config.training.torch_compile
    return compiled(wanted, models, material.reader, material.train, material.precision, arguments)


def plan_of(
    config: RunConfig,
    material: Material,
    log_dir: Path,
    observer: Observer | None,
    micro_batches: int,
    keeper: RunKeeper | None,
) -> DistillationPlan:
    """What a distiller of this student needs.

    Args:
        config: The configuration of the student.
        material: Models and data.
        log_dir: Where TextBrewer's log goes.
        observer: Gets the terms of each loss.
        micro_batches: Most forward passes of a step.
        keeper: Keeps the states of the training, if any are to be kept.
    """
    return DistillationPlan(
        train_config=textbrewer().TrainingConfig(
            output_dir=str(config.training.output_dir),
            log_dir=str(log_dir),
            device=material.device,
            gradient_accumulation_steps=micro_batches,
            local_rank=processes.local_rank(),
        ),
        distill_config=DistillationConfig.from_options(config.distillation),
        teacher=material.teacher,
        student=material.student,
        adaptor=material.reader.adaptor,
        precision=material.precision,
        scope=config.training.scope,
        keeper=keeper,
        seed=config.training.seed,
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
        keeper=plan.keeper,
        seed=plan.seed,
        observer=plan.observer,
        save_state_dicts=False,
    )


def _compared_outputs(config: RunConfig, material: Material) -> dict[str, bool]:
    """What both models must return for the intermediate matches, as arguments of their forward pass."""
    features = {match.feature for match in config.distillation.intermediate_matches}
    if any(map(is_attention, features)):
        for model in (material.teacher, material.student):
            # fused kernels never form the attention matrix; BERT cannot switch, but steps aside when it is asked for
            model.set_attn_implementation("eager")
    attends = {is_attention(feature) for feature in features}
    wanted = {"output_hidden_states": False in attends, "output_attentions": True in attends}
    return {name: True for name, needed in wanted.items() if needed}


def _with_teacher(material: Material) -> Callable[[Any], Any] | None:
    """Gives each batch what the teacher has said of it, if it has spoken."""
    rows = material.teacher_rows
    return None if rows is None else partial(with_teacher_rows, rows=rows)
