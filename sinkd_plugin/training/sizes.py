"""How many examples a step has, and how many one forward pass."""

from __future__ import annotations

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.training import processes
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.groups import Grouping
from sinkd_plugin.training.model_options import OptimizerOptions


def student_grouping(config: RunConfig) -> Grouping:
    """How a student's examples are put together."""
    accumulated = config.optimizer.batch_size * config.training.gradient_accumulation_steps
    return _grouping(config, config.optimizer, config.training.group_size or accumulated, config.training.seed)


def teacher_grouping(config: RunConfig, options: OptimizerOptions) -> Grouping:
    """How a teacher's examples are put together: its loss judges each by itself, and asks for no larger group."""
    return _grouping(config, options, options.batch_size, config.teacher_seed)


def _grouping(config: RunConfig, options: OptimizerOptions, group_size: int, seed: int) -> Grouping:
    training = config.training
    return Grouping(
        group_size=group_size,
        micro_batch_size=min(group_size, training.micro_batch_size or options.batch_size),
        seed=seed,
        bucketing=training.bucketing,
        workers=training.workers,
        rank=processes.rank(),
        processes=processes.count(),
    )


def check_sizes(config: RunConfig, examples: int) -> None:
    """Check that an epoch has a whole step, and that every process has a part in it.

    Raises:
        ConfigError: If the training split is smaller than a step, or a step than the number of processes.
    """
    training, batches = config.training, -(-examples // config.optimizer.batch_size)
    if training.gradient_accumulation_steps > batches:
        raise ConfigError(
            f"'training.gradient_accumulation_steps' must not exceed the batches of an epoch, which are {batches}.",
            received=training.gradient_accumulation_steps,
            cure="Lower it, or lower optimizer.batch_size.",
        )
    if training.group_size is not None and training.group_size > examples:
        raise ConfigError(
            f"'training.group_size' must not exceed the training split, which has {examples} examples.",
            received=training.group_size,
        )
    processes.check_group(student_grouping(config).group_size, "training.group_size")
    if config.teacher.finetune is not None:
        processes.check_group(config.teacher.finetune.batch_size, "teacher.finetune.batch_size")
