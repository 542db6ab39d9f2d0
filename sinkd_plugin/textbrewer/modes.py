"""Which models train and which only speak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


def each_model(models: Any) -> list[Any]:
    """One model, or those of a list or of a mapping from tasks."""
    if isinstance(models, Mapping):
        return list(models.values())
    return list(models) if isinstance(models, (list, tuple)) else [models]


@contextmanager
def training_modes(student: Any, teachers: Any = ()) -> Iterator[None]:
    """The student in training mode and the teachers in evaluation mode; afterwards every module as it was.

    A teacher in training mode drops out units at random. TextBrewer leaves it so unless the caller writes
    ``with distiller:``.
    """
    models = [*each_model(teachers), student]
    before = [(module, module.training) for model in models for module in model.modules()]
    for teacher in each_model(teachers):
        teacher.eval()
    student.train()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training
