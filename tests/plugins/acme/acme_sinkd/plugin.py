"""What the entry point names: one function a hook, each importing what it returns only when it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sinkd_plugin.hookspecs import hookimpl
from sinkd_plugin.specs import (
    ArchitectureSpec,
    CommandSpec,
    DistillationPlan,
    Distiller,
    LossSpec,
    TaskSpec,
    ZooSourceSpec,
)

if TYPE_CHECKING:
    from sinkd_export.specs import ExportTargetSpec


@hookimpl
def sinkd_losses() -> Sequence[LossSpec]:
    from . import cosine, huber

    return [huber.SPEC, cosine.SPEC]


@hookimpl
def sinkd_architectures() -> Sequence[ArchitectureSpec]:
    from . import gpt2

    return [gpt2.SPEC]


@hookimpl
def sinkd_tasks() -> Sequence[TaskSpec]:
    from . import beers

    return [beers.SPEC]


@hookimpl
def sinkd_zoo_sources() -> Sequence[ZooSourceSpec]:
    from . import students

    return [students.SPEC]


@hookimpl(optionalhook=True)  # without the exporter nobody asks, and nothing is amiss
def sinkd_export_targets() -> Sequence[ExportTargetSpec]:
    from . import float16

    return [float16.SPEC]


@hookimpl
def sinkd_commands() -> Sequence[CommandSpec]:
    from . import diary

    return [diary.SPEC]


@hookimpl
def sinkd_make_distiller(plan: DistillationPlan) -> Distiller | None:
    from .distiller import FrozenPositions, is_gpt2

    return FrozenPositions(plan) if is_gpt2(plan.student) else None  # None: another plugin's turn, or sinkd's own


@hookimpl
def sinkd_after_distill(plan: DistillationPlan, result: Mapping[str, Any]) -> None:
    from . import diary

    diary.write(plan, result)
