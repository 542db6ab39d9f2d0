"""The distillers with several teachers: averaged over one task, or one a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.textbrewer.alignment import aligned
from sinkd_plugin.textbrewer.batches import plain
from sinkd_plugin.textbrewer.distiller import Adaptor, BasicDistiller, GeneralDistiller, course_of, unchanged
from sinkd_plugin.textbrewer.heads import averaged
from sinkd_plugin.textbrewer.host import textbrewer
from sinkd_plugin.textbrewer.loop import endless
from sinkd_plugin.textbrewer.modes import training_modes

_host = textbrewer()
_utilities = _host.distiller_utils


class MultiTeacherDistiller(BasicDistiller, _host.MultiTeacherDistiller):  # type: ignore[misc, name-defined]
    """Several teachers, whose logits are averaged. Takes what ``BasicDistiller`` takes, and lists.

    Args:
        model_T: List of teachers.
        adaptor_T: One adaptor for all, or a list.
    """

    def _adapted_teachers(self, adaptor: Any, batch: Any, outputs: Any) -> Any:
        adaptors = list(adaptor) if hasattr(adaptor, "__iter__") else [adaptor] * len(outputs)
        pairs = zip(adaptors, outputs, strict=True)
        return [_utilities.post_adaptor(adapt(batch, output)) for adapt, output in pairs]

    def _comparable(self, student: Any, teacher: Any, model: Any) -> tuple[Any, Any]:
        pairs = [aligned(student, results, self.model_S, each) for results, each in zip(teacher, model, strict=True)]
        narrowest = min(pairs, key=lambda pair: [head.shape[-1] for head in pair[0].get("logits", [])])
        return narrowest[0], [results for _, results in pairs]

    def _one_teacher(self, results_T: Any) -> dict[str, Any]:
        return averaged(results_T)


class MultiTaskDistiller(GeneralDistiller, _host.MultiTaskDistiller):  # type: ignore[misc, name-defined]
    """One student of several teachers, one a task; ``model_T``, ``adaptor_T``, ``adaptor_S`` map tasks to theirs.

    Raises:
        ConfigError: If ``scope`` is ``global``, which would put rows of two tasks into one plan.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        if self._scope == "global":
            raise ConfigError(
                "'MultiTaskDistiller' keeps the rows of two tasks apart.",
                received="scope 'global'",
                cure="Leave 'scope' out: each batch is a group of its own.",
            )

    def train(
        self,
        optimizer: Any,
        dataloaders: Mapping[str, Any],
        num_steps: int,
        scheduler_class: Any = None,
        scheduler_args: Any = None,
        scheduler: Any = None,
        max_grad_norm: float = -1.0,
        tau: float = 1,
        callback: Any = None,
        batch_postprocessors: Mapping[str, Any] | None = None,
        **args: Any,
    ) -> None:
        """Train the student; takes what TextBrewer's ``train()`` takes.

        Args:
            optimizer: Of the student's weights.
            dataloaders: One a task.
            num_steps: Optimiser steps.
            scheduler_class: Builds the learning rate's scheduler.
            scheduler_args: What it gets beside the optimiser.
            scheduler: A scheduler that is already built.
            max_grad_norm: Gradients are clipped to it if it is positive.
            tau: A task is drawn with a probability proportional to its number of batches to this power.
            callback: Called as ``callback(model=…, step=…)`` at each checkpoint.
            batch_postprocessors: One a task.
            **args: What the models get beside the batch.
        """
        with training_modes(self.model_S, self.model_T):
            optimizer, scheduler, quiet = self.initialize_training(
                optimizer, scheduler_class, scheduler_args, scheduler
            )
            prepare = partial(_prepared, batch_postprocessors or {})
            course = course_of(optimizer, scheduler, max_grad_norm, callback, prepare, args)
            try:
                self._run_steps(_drawn(dataloaders, tau), int(num_steps), course, quiet)
            finally:
                self._restore_weights()
                self._forget()

    def _task(self, batch: Any) -> tuple[Any, tuple[Any, Adaptor, Adaptor]]:
        inputs, name = batch
        return plain(inputs), (self.model_T[name], self.adaptor_T[name], self.adaptor_S[name])

    def _teacher_of(self, batch: Any) -> Any:
        return self.model_T[batch[1]]


def _drawn(loaders: Mapping[str, Any], tau: float) -> Iterator[tuple[Any, str]]:
    """Batches of tasks drawn at random, each with its task, from the generator that TextBrewer's users seed."""
    names, chances = list(loaders), None
    if all(hasattr(loader, "__len__") for loader in loaders.values()):
        sizes = [len(loader) ** tau for loader in loaders.values()]
        chances = [size / sum(sizes) for size in sizes]
    batches = {name: endless(loader) for name, loader in loaders.items()}
    while True:
        name = str(np.random.choice(names, p=chances))
        yield next(batches[name]), name


def _prepared(postprocessors: Mapping[str, Any], drawn: tuple[Any, str]) -> tuple[Any, str]:
    batch, name = drawn
    return postprocessors.get(name, unchanged)(batch), name
