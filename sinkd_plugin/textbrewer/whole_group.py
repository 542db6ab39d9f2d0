"""The loss of a whole group of rows, whatever number of micro-batches and processes it is spread over.

A batch-wise loss changes with the rows it sees: the mean over micro-batches is another objective. So all micro-batches
are heard first, without their graphs; the loss of all rows is computed once and its gradient at every row is kept; then
each micro-batch is heard again, with the same dropout, and its rows' gradient is sent back through the model. One
micro-batch's activations are in memory at a time (gradient caching, arXiv 2101.06983).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import distributed

from sinkd_plugin.textbrewer.batches import SpareBatch, unwrapped
from sinkd_plugin.textbrewer.gathering import gathered
from sinkd_plugin.textbrewer.group_results import (
    Flat,
    flattened,
    joined,
    pruned,
    refilled,
    trainable,
    with_mean_losses,
)
from sinkd_plugin.textbrewer.heads import tidied
from sinkd_plugin.textbrewer.loop import Course, TrainingLoop
from sinkd_plugin.textbrewer.objective import Results
from sinkd_plugin.textbrewer.randomness import RandomState

Scope = Literal["global", "local"]
"""What a batch-wise loss sees: all rows of an optimiser step, or those of one micro-batch of one process."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Heard:
    """What both models said to one micro-batch.

    Args:
        batch: The micro-batch, prepared.
        random: The generators' state before the forward pass.
        outputs: The results as the models gave them; with their graph, where it was kept.
        leaves: The same values, where the loss leaves its gradient.
        template: The structure that the results had.
    """

    batch: Any
    random: RandomState
    outputs: Flat
    leaves: Flat
    template: dict[str, Any]


class WholeGroups(TrainingLoop):
    """Optimiser steps whose loss sees the rows of all micro-batches, of all processes, together."""

    _scope: Scope
    model_S: Any
    model_T: Any

    def _learn(self, group: Sequence[Any], course: Course) -> None:
        if self._scope == "local" or (len(group) == 1 and self.local_rank == -1):
            super()._learn(group, course)
            return
        heard = self._safely(lambda: self._hear_all(group, course))
        after = RandomState.now()
        parts = [joined([each.leaves for each in heard])]
        if self.local_rank != -1:
            parts = gathered(parts[0], torch.device(self.t_config.device))
        total = self._safely(lambda: self._judge(joined(parts), heard[-1].template, group, course))
        self._backward(total)
        self._send_back(heard[-1].outputs, heard[-1].leaves)
        for number, each in enumerate(heard[:-1]):
            each.random.restore()
            with self._synchronising(final=number == len(heard) - 2):
                self._send_back(self._say_again(each, course), each.leaves)
        after.restore()
        course.passes += 1

    def _hear_all(self, group: Sequence[Any], course: Course) -> list[_Heard]:
        """Every micro-batch without its graph but the last one, which will not have to be heard again."""
        before = [self._hear(batch, course, graph=False) for batch in group[:-1]]
        with self._synchronising(final=not before):
            return [*before, self._hear(group[-1], course, graph=True)]

    def _hear(self, batch: Any, course: Course, *, graph: bool) -> _Heard:
        random = RandomState.now()
        prepared = course.prepare(unwrapped(batch))
        with self._naming(prepared, course), torch.set_grad_enabled(graph):
            student, teacher = self._adapted(prepared, course.arguments)
            self._check_rows(student, teacher)
        results = self._pruned(prepared, student, teacher)
        outputs = flattened(results)
        if isinstance(batch, SpareBatch):
            outputs = {name: tensor[:0] for name, tensor in outputs.items()}
        leaves = {name: _leaf(name, tensor) for name, tensor in outputs.items()}
        return _Heard(batch=prepared, random=random, outputs=outputs if graph else {}, leaves=leaves, template=results)

    def _say_again(self, heard: _Heard, course: Course) -> Flat:
        """The student's results once more, with the same dropout, and now with the graph."""
        return flattened(self._pruned(heard.batch, self._adapted_student(heard.batch, course.arguments)))

    def _judge(self, flat: Flat, template: dict[str, Any], group: Sequence[Any], course: Course) -> torch.Tensor:
        """The loss of the whole group, logged."""
        found = refilled(template, flat)
        self._give_caught(found.pop("caught_S", {}), found.pop("caught_T", {}))
        with self._naming(list(group), course):
            student = with_mean_losses(found["student"])
            total, terms = self.compute_loss(*self._comparable(student, found["teacher"], self.model_T))
            self.write_loss(total, course.passes, terms)
        return total

    def _pruned(self, batch: Any, student: Results, teacher: Any = None) -> dict[str, Any]:
        """What the loss may look at of both sides, and what ``custom_matches`` caught."""
        found = {"student": pruned(student, self._compared_layers("S"), batch), **self._take_caught()}
        if teacher is not None:
            prune = partial(pruned, layers=self._compared_layers("T"), batch=batch)
            found["teacher"] = [prune(each) for each in teacher] if isinstance(teacher, list) else prune(teacher)
        return found

    def _check_rows(self, student: Results, teacher: Any) -> None:
        """Tell of a row that is no number while it is known which micro-batch, of which process, it belongs to."""
        for each in teacher if isinstance(teacher, list) else [teacher]:
            self._check_finite(tidied(each), "teacher", student.get("row_examples"))
        self._check_finite(tidied(student), "student", student.get("row_examples"))

    def _send_back(self, outputs: Flat, leaves: Flat) -> None:
        """Send the gradient at one micro-batch's rows back through the model.

        Every process has the gradient of the loss of all rows. DistributedDataParallel takes the mean of what each
        sends back from its own rows where their sum is wanted, hence the number of processes as a factor.
        """
        factor = distributed.get_world_size() if self.local_rank != -1 else 1
        reached = [
            (outputs[name], leaf.grad * factor)
            for name, leaf in leaves.items()
            if leaf.grad is not None and outputs[name].requires_grad
        ]
        if reached:
            torch.autograd.backward([output for output, _ in reached], [gradient for _, gradient in reached])

    def compute_loss(self, results_S: Results, results_T: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The total and its terms."""
        raise NotImplementedError

    def _check_finite(self, results: Results, side: str, row_examples: torch.Tensor | None) -> None:
        raise NotImplementedError

    def _adapted(self, batch: Any, args: Mapping[str, Any]) -> tuple[Any, Any]:
        """What both adaptors return."""
        raise NotImplementedError

    def _adapted_student(self, batch: Any, args: Mapping[str, Any]) -> Any:
        """What the student's adaptor returns, without asking the teacher."""
        raise NotImplementedError

    def _comparable(self, student: Any, teacher: Any, model: Any) -> tuple[Any, Any]:
        """Both with comparable classes."""
        raise NotImplementedError

    def _compared_layers(self, side: str) -> dict[str, set[int]]:
        """For each feature, the layers that the intermediate matches look at on one side, "S" or "T"."""
        return {}

    def _take_caught(self) -> dict[str, dict[int, torch.Tensor]]:
        """What ``custom_matches`` caught in the last forward pass, to be kept until the loss is computed."""
        return {}

    def _give_caught(self, student: dict[int, torch.Tensor], teacher: dict[int, torch.Tensor]) -> None:
        """Put back what ``custom_matches`` caught, of the whole group."""


def _leaf(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """The same values without their graph; a place for a gradient where the student can learn from one."""
    return tensor.detach().requires_grad_(trainable(name) and tensor.is_floating_point())
