"""What a training needs to go on where it stopped, and who keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

State = dict[str, Any]
"""Nested plain data and tensors."""


class Keeper(Protocol):
    """Keeps the states of a training."""

    def begin(self, total_steps: int) -> Mapping[str, Any] | None:
        """The state to go on from; ``None`` to start anew. Puts back the generators of random numbers too."""
        ...

    def after_step(self, step: int, state: Callable[[], State]) -> None:
        """Called after each optimiser step with its number, and with what gives the state; may end the training."""
        ...


def state_of(loop: Any, course: Any) -> State:
    """The state of a training after a step.

    Args:
        loop: A distiller or ``BasicTrainer``.
        course: The call of ``train()``.
    """
    return {
        "step": course.step,
        "passes": course.passes,
        "model": _core(loop._student()).state_dict(),  # noqa: SLF001 - its own state
        "projections": [_core(module).state_dict() for module in _projections(loop)],
        "optimizer": course.optimizer.state_dict(),
        "scheduler": None if course.scheduler is None else course.scheduler.state_dict(),
        "scaler": loop._scaler.state_dict(),  # noqa: SLF001
        "own": loop.state_dict() if hasattr(loop, "state_dict") else {},
    }


def restore_state(loop: Any, course: Any, state: Mapping[str, Any]) -> None:
    """Put a state back; the training then goes on with the step after it."""
    _core(loop._student()).load_state_dict(state["model"])  # noqa: SLF001
    for module, kept in zip(_projections(loop), state["projections"], strict=True):
        _core(module).load_state_dict(kept)
    course.optimizer.load_state_dict(state["optimizer"])
    if course.scheduler is not None:
        course.scheduler.load_state_dict(state["scheduler"])
    loop._scaler.load_state_dict(state["scaler"])  # noqa: SLF001
    if hasattr(loop, "load_state_dict"):
        loop.load_state_dict(state["own"])
    course.step, course.passes = int(state["step"]), int(state["passes"])


def _core(module: Any) -> Any:
    return getattr(module, "module", module)


def _projections(loop: Any) -> list[Any]:
    found = loop._projections() if hasattr(loop, "_projections") else ()  # noqa: SLF001
    return [module for module, _ in found if hasattr(module, "state_dict")]
