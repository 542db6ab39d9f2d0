"""The sequence-level part of a student's training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import get_linear_schedule_with_warmup

from sinkd_plugin.architectures.loading import quiet_transformers
from sinkd_plugin.sequence.methods import WRITERS
from sinkd_plugin.sequence.methods import Writer as WhoWrites
from sinkd_plugin.sequence.samples import Samples
from sinkd_plugin.specs import Decoding, DistillationPlan, Writer
from sinkd_plugin.storage import storage_errors
from sinkd_plugin.textbrewer.precision import autocast
from sinkd_plugin.training import processes
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.device import seed_everything, seed_this_process
from sinkd_plugin.training.distill import plan_of, ready
from sinkd_plugin.training.groups import TrainingGroups
from sinkd_plugin.training.journal import Journal
from sinkd_plugin.training.material import Material
from sinkd_plugin.training.optimizing import optimizer_of, schedule
from sinkd_plugin.training.sequence_distiller import SequenceDistiller, Write
from sinkd_plugin.training.sequence_options import SequenceOptions
from sinkd_plugin.training.sizes import student_grouping
from sinkd_plugin.training.watching import watched


def distill_sequences(
    config: RunConfig,
    options: SequenceOptions,
    material: Material,
    writer: Writer,
    samples: Samples | None,
    journal: Journal,
    name: str,
) -> DistillationPlan:
    """Train the student in place on whole sequences.

    Args:
        config: The configuration of this student.
        options: Its block ``sequence``.
        material: Models and data.
        writer: The student's reader.
        samples: What the teacher has written for the training split; ``None`` where only the student writes.
        journal: Where the loss terms of each step go.
        name: The student's name in the journal and on the progress bar.

    Raises:
        NonFiniteLossError: If the loss becomes NaN or infinite; the journal holds the steps before.
    """
    seed, optimizer = config.training.seed, options.optimizer or config.optimizer
    grouping = student_grouping(config.model_copy(update={"optimizer": optimizer}))
    groups = TrainingGroups(material.train, _as_they_are, grouping)
    losses = len(groups) * optimizer.epochs
    with (
        storage_errors(journal.folder),
        watched(
            f"Distilling '{name}' on sequences",
            losses,
            examples=len(material.train) * optimizer.epochs / losses,
            device=material.device,
            journal=journal,
            name=name,
        ) as observer,
    ):
        micro_batches = -(-len(groups) // groups.steps_per_epoch)
        plan = plan_of(config, material, journal.tensorboard(name), observer, micro_batches, keeper=None)
        distiller = SequenceDistiller(plan, writer, options, _writers(options, material, writer, samples, seed))
        seed_everything(seed)
        seed_this_process(seed, processes.rank())
        with quiet_transformers(), ready(config, material), distiller:
            distiller.train(
                optimizer_of(material.student, optimizer),
                groups,
                num_epochs=optimizer.epochs,
                scheduler_class=get_linear_schedule_with_warmup,
                scheduler_args=schedule(optimizer, groups.steps_per_epoch * optimizer.epochs),
                max_grad_norm=optimizer.max_grad_norm,
                **writer.forward_arguments,
            )
    return plan


def teachers_decoding(options: SequenceOptions) -> Decoding:
    """How the teacher writes what a student learns from."""
    sampling, strategy = options.sampling, options.strategy
    return Decoding(
        sample=strategy == "sample",
        beams=sampling.beams if strategy == "beam" else 1,
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        per_example=sampling.per_example,
    )


def _as_they_are(examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"examples": list(examples), "index": torch.tensor([example["index"] for example in examples])}


def _writers(
    options: SequenceOptions, material: Material, writer: Writer, samples: Samples | None, seed: int
) -> dict[WhoWrites, Write]:
    # a generator of its own, so that which sequence is taken does not depend on what else is drawn
    generator = torch.Generator().manual_seed(seed + processes.rank())

    def teacher(examples: Sequence[Mapping[str, Any]]) -> list[list[int]]:
        assert samples is not None  # noqa: S101 - given wherever the method takes the teacher's
        return samples.one_of_each([example["index"] for example in examples], generator)

    def student(examples: Sequence[Mapping[str, Any]]) -> list[list[int]]:
        model = material.student.eval()
        try:
            with torch.no_grad(), autocast(material.precision, material.device):
                return writer.write(model, examples, _students_decoding(options))
        finally:
            model.train()

    known: dict[WhoWrites, Write] = {"teacher": teacher, "student": student}
    return {who: known[who] for who in WRITERS[options.taken_from]}


def _students_decoding(options: SequenceOptions) -> Decoding:
    sampling = options.sampling
    return Decoding(sample=True, temperature=sampling.temperature, top_k=sampling.top_k, top_p=sampling.top_p)
