"""What solving transport problems found, before it is scaled to the mass that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from sinkd_plugin.ot.engine import Engine


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """The outcome for a stack of problems of mass 1 each.

    Args:
        value: ``(...)``, differentiable.
        log_student: ``(..., n)``, logarithm of the mass of each of the student's points.
        log_teacher: ``(..., m)``, the same for the teacher.
        solver: The form of the sweeps.
        engine: What it was computed by.
        sweeps: Sweeps done.
        converged: ``(...)``, whether each problem met the tolerance; ``None`` if none was asked for.
        plan: Computes the plan ``(..., n, m)``, detached, rows the student's.
        cost: Computes the cost ``(..., n, m)``, detached.
    """

    value: torch.Tensor
    log_student: torch.Tensor
    log_teacher: torch.Tensor
    solver: str
    engine: Engine
    sweeps: int
    converged: torch.Tensor | None
    plan: Callable[[], torch.Tensor]
    cost: Callable[[], torch.Tensor]
