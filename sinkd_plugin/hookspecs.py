"""The hooks a plugin may implement: each returns records or reacts to an event; none is called in the training loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pluggy

from sinkd_plugin.specs import (
    ArchitectureSpec,
    CommandSpec,
    DistillationPlan,
    Distiller,
    LossSpec,
    TaskSpec,
    ZooSourceSpec,
)

PROJECT = "sinkd"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def sinkd_add_hookspecs(pm: pluggy.PluginManager) -> None:
    """Add hooks of a room's own, by ``pm.add_hookspecs(module)``; called before any other hook."""


@hookspec
def sinkd_losses() -> Sequence[LossSpec]:  # type: ignore[empty-body]
    """Losses that ``kd_loss_type`` or an intermediate match can name."""


@hookspec
def sinkd_architectures() -> Sequence[ArchitectureSpec]:  # type: ignore[empty-body]
    """Model families that the trainer can distil."""


@hookspec
def sinkd_tasks() -> Sequence[TaskSpec]:  # type: ignore[empty-body]
    """Tasks that ``task:`` can name."""


@hookspec
def sinkd_zoo_sources() -> Sequence[ZooSourceSpec]:  # type: ignore[empty-body]
    """Places that pre-distilled students come from."""


@hookspec
def sinkd_commands() -> Sequence[CommandSpec]:  # type: ignore[empty-body]
    """Commands under ``sinkd``."""


@hookspec(firstresult=True)
def sinkd_make_distiller(plan: DistillationPlan) -> Distiller | None:
    """Build the distiller of a run; the first plugin that returns one wins, our own comes last."""


@hookspec
def sinkd_after_distill(plan: DistillationPlan, result: Mapping[str, Any]) -> None:
    """React to a finished distillation; ``result`` is what ``result.json`` holds of the student."""
