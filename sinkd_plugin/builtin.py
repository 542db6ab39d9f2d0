"""Our own losses, architectures, tasks and commands: a plugin through the same door as anyone's."""

from __future__ import annotations

from collections.abc import Sequence

from sinkd_plugin.hookspecs import hookimpl
from sinkd_plugin.specs import ArchitectureSpec, CommandSpec, LossSpec, TaskSpec


@hookimpl
def sinkd_losses() -> Sequence[LossSpec]:
    """The losses of the paper and of its comparisons."""
    from sinkd_plugin.losses.specs import loss_specs

    return loss_specs()


@hookimpl
def sinkd_architectures() -> Sequence[ArchitectureSpec]:
    """The model families."""
    from sinkd_plugin.architectures.specs import architecture_specs

    return architecture_specs()


@hookimpl
def sinkd_tasks() -> Sequence[TaskSpec]:
    """The movie reviews, GLUE and SuperGLUE."""
    from sinkd_plugin.tasks.specs import task_specs

    return task_specs()


@hookimpl
def sinkd_commands() -> Sequence[CommandSpec]:
    """The commands of the core."""
    from sinkd_plugin.cli.specs import command_specs

    return command_specs()
