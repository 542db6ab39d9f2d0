"""Fine-tune a teacher on the task, in the loop that students are trained in."""

from __future__ import annotations

from datasets import Dataset
from transformers import PreTrainedModel, get_linear_schedule_with_warmup

from sinkd_plugin.architectures.loading import quiet_transformers
from sinkd_plugin.specs import Reader
from sinkd_plugin.storage import storage_errors
from sinkd_plugin.textbrewer.host import textbrewer
from sinkd_plugin.textbrewer.trainer import BasicTrainer
from sinkd_plugin.training import processes
from sinkd_plugin.training.checkpointing import checkpointed
from sinkd_plugin.training.compiling import compiled
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.device import seed_this_process
from sinkd_plugin.training.groups import TrainingGroups
from sinkd_plugin.training.keeping import keeper_of
from sinkd_plugin.training.model_options import OptimizerOptions
from sinkd_plugin.training.optimizing import optimizer_of, schedule
from sinkd_plugin.training.prepare import Prepared
from sinkd_plugin.training.sizes import teacher_grouping
from sinkd_plugin.training.stopping import between_steps
from sinkd_plugin.training.watching import watched


def finetune(
    config: RunConfig,
    options: OptimizerOptions,
    prepared: Prepared,
    model: PreTrainedModel,
    reader: Reader,
    train: Dataset,
    expected: str,
) -> None:
    """Train the teacher in place on the labels of the training split.

    Args:
        config: The configuration of the run.
        options: How to train; ``teacher.finetune``.
        prepared: What the run starts from.
        model: The teacher, on its device.
        reader: Its reader.
        train: The encoded training split.
        expected: Fingerprint of everything the teacher depends on; its checkpoints carry it.

    Raises:
        NonFiniteLossError: If the loss becomes NaN or infinite.
    """
    grouping = teacher_grouping(config, options)
    groups = TrainingGroups(train, reader.collate, grouping)
    passes = len(groups) * options.epochs
    folder = config.training.output_dir
    with (
        storage_errors(folder),
        watched(
            "Fine-tuning the teacher",
            passes,
            examples=len(train) * options.epochs / passes,
            device=prepared.device,
        ) as observer,
        between_steps() as stop,
        quiet_transformers(),
        reader.attached(model),
        checkpointed(model, config.training.gradient_checkpointing),
        compiled(config.training.torch_compile, [model], reader, train, prepared.precision, reader.forward_arguments),
    ):
        trainer = BasicTrainer(
            textbrewer().TrainingConfig(
                output_dir=str(folder), device=prepared.device, local_rank=processes.local_rank()
            ),
            model,
            reader.adaptor,
            precision=prepared.precision,
            observer=observer,
            save_state_dicts=False,
            keeper=keeper_of(config, "teacher", expected, stop, groups.steps_per_epoch),
            scope="global",
        )
        seed_this_process(config.teacher_seed, processes.rank())
        trainer.train(
            optimizer_of(model, options),
            groups,
            num_epochs=options.epochs,
            scheduler_class=get_linear_schedule_with_warmup,
            scheduler_args=schedule(options, groups.steps_per_epoch * options.epochs),
            max_grad_norm=options.max_grad_norm,
            **reader.forward_arguments,
        )
