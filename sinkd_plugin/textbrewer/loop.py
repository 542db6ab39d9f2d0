"""The training loop that all of our distillers and ``BasicTrainer`` share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm  # type: ignore[import-untyped]

from sinkd_plugin.errors import ConfigError, NonFiniteLossError
from sinkd_plugin.textbrewer.batches import GroupedBatches, SpareBatch, groups, unwrapped
from sinkd_plugin.textbrewer.distribution import set_epoch
from sinkd_plugin.textbrewer.guard import NonFiniteGuard, clip
from sinkd_plugin.textbrewer.keeping import Keeper, restore_state, state_of
from sinkd_plugin.textbrewer.precision import MOST_SKIPPED, Precision, scaler_of

logger = logging.getLogger("Distillation")


@dataclass(kw_only=True)
class Course:
    """One call of ``train()``: what it was given, and how far it has come.

    Args:
        optimizer: The caller's.
        scheduler: Of the learning rate, or ``None``.
        max_grad_norm: Gradients are clipped to it if it is positive.
        callback: Called as ``callback(model=…, step=…)`` at each checkpoint, or ``None``.
        prepare: The caller's ``batch_postprocessor``.
        arguments: What both models get beside the batch.
        total_steps: Optimiser steps to take.
        step: Optimiser steps taken.
        passes: Forward passes done.
    """

    optimizer: Any
    scheduler: Any
    max_grad_norm: float
    callback: Callable[..., Any] | None
    prepare: Callable[[Any], Any]
    arguments: Mapping[str, Any]
    total_steps: int = 0
    step: int = 0
    passes: int = 0


class TrainingLoop(NonFiniteGuard):
    """Optimiser steps over groups of micro-batches; the last group of an epoch counts with what it has.

    TextBrewer drops the micro-batches that are left over, and trains nothing at all, without a word, where the loader
    is shorter than ``gradient_accumulation_steps``.
    """

    tb_writer: Any
    skipped_steps: int = 0
    _keeper: Keeper | None = None
    _precision: Precision = "fp32"
    _skipped_in_a_row: int = 0

    def train_on_batch(self, batch: Any, args: Mapping[str, Any]) -> Any:
        """One forward pass and its loss."""
        raise NotImplementedError

    def _run_epochs(self, loader: Any, num_epochs: int, course: Course, quiet: bool | None) -> None:
        accumulation = self.t_config.gradient_accumulation_steps
        grouped = isinstance(loader, GroupedBatches)
        per_epoch = loader.steps_per_epoch if grouped else steps_per_epoch(len(loader), accumulation)
        course.total_steps = per_epoch * num_epochs
        frequency = self.t_config.ckpt_frequency
        checkpoints = {int(per_epoch * part / frequency) for part in range(frequency)}
        logger.info("Training steps per epoch: %s", per_epoch)
        self._begin(course)
        for epoch in range(course.step // per_epoch, num_epochs):
            set_epoch(loader, epoch)
            logger.info("Epoch %s", epoch + 1)
            due = (epoch + 1) % self.t_config.ckpt_epoch_frequency == 0 or epoch + 1 == num_epochs
            skip = course.step - epoch * per_epoch
            taken = loader.groups(skip) if grouped else islice(groups(loader, accumulation), skip, None)
            for group in tqdm(taken, total=per_epoch, initial=skip, disable=quiet):
                self._take_step(group, course)
                if due and course.step % per_epoch in checkpoints:
                    self._checkpoint(course, epoch)
            logger.info("Epoch %s finished", epoch + 1)

    def _run_steps(self, batches: Iterable[Any], num_steps: int, course: Course, quiet: bool | None) -> None:
        course.total_steps = num_steps
        every = int(self.t_config.ckpt_steps or num_steps)
        logger.info("Total training steps: %s", num_steps)
        self._begin(course)
        taken = groups(batches, self.t_config.gradient_accumulation_steps)
        for _, group in zip(tqdm(range(num_steps), disable=quiet), taken, strict=False):
            self._take_step(group, course)
            if course.step % every == 0 or course.step == num_steps:
                self._checkpoint(course, 0)
        if course.step < num_steps:
            raise ConfigError(
                "The loader must give batches for all 'num_steps', over and over if need be.",
                received=f"batches for {course.step} of {num_steps} steps",
                cure="Pass a DataLoader or a list: something that can be gone through more than once.",
            )
        logger.info("Training finished")

    def _take_step(self, group: Sequence[Any], course: Course) -> None:
        self._before_step(course.step / course.total_steps)
        try:
            self._learn(group, course)
        except NonFiniteLossError:
            if not self._may_skip():
                raise
            # the scale is what a smaller loss can be made with; the gradients of this step are thrown away
            self._scaler.update(self._scaler.get_scale() * self._scaler.get_backoff_factor())
        else:
            self._step(group, course)
        course.optimizer.zero_grad()
        course.step += 1
        self._after_step()
        if self._keeper is not None:
            self._keeper.after_step(course.step, partial(state_of, self, course))

    def _step(self, group: Sequence[Any], course: Course) -> None:
        """Let the optimiser take the gradient; in fp16, unless it has overflowed, which lowers the scale instead."""
        self._scaler.unscale_(course.optimizer)
        try:
            clip(list(self._student().parameters()), course.max_grad_norm, course.step)
        except NonFiniteLossError as error:
            self._broken_rows = ()
            if not self._may_skip():
                raise self._stop(error, list(group), course.optimizer, course.step) from error
        else:
            self._skipped_in_a_row = 0
        taken = self._skipped_in_a_row == 0
        self._scaler.step(course.optimizer)
        self._scaler.update()
        if course.scheduler is not None and taken:
            course.scheduler.step()

    def _tolerant(self) -> bool:
        return self._scaler.is_enabled() and self._skipped_in_a_row < MOST_SKIPPED

    def _may_skip(self) -> bool:
        """Leave out a step whose loss or gradient is no number, and count it; not too many in a row."""
        if not self._tolerant():
            return False
        self.skipped_steps += 1
        self._skipped_in_a_row += 1
        logger.warning("A step is skipped because fp16 has overflowed (%s so far).", self.skipped_steps)
        return True

    def _begin(self, course: Course) -> None:
        """Go on where a keeper says that an earlier training stopped."""
        self._scaler = scaler_of(self._precision, self.t_config.device)
        self._scaler.scale(torch.zeros((), device=self.t_config.device))  # it makes its scale when it is first used
        self.skipped_steps = self._skipped_in_a_row = 0
        state = None if self._keeper is None else self._keeper.begin(course.total_steps)
        if state is not None:
            restore_state(self, course, state)
            self._continue_log(course.passes)

    def _continue_log(self, passes: int) -> None:
        """Let TensorBoard forget what the stopped training wrote after its last state."""
        directory = self.t_config.log_dir
        if directory is not None and self.rank == 0:
            self.tb_writer = type(self.tb_writer)(log_dir=directory, purge_step=passes)

    def _learn(self, group: Sequence[Any], course: Course) -> None:
        """Leave the gradient of a step: here the mean of the micro-batches' own, each with a loss of its own."""
        total = self._safely(lambda: self._all_but_the_last(group, course))
        self._backward(total)

    def _all_but_the_last(self, group: Sequence[Any], course: Course) -> torch.Tensor:
        """The gradients of all micro-batches but the last, and that one's loss: processes meet in its gradient."""
        weights = self._weights(group)
        for batch, weight in zip(group[:-1], weights, strict=False):
            with self._synchronising(final=False):
                self._backward(weight * self._heard(batch, course))
        with self._synchronising(final=True):
            return weights[-1] * self._heard(group[-1], course)

    def _weights(self, group: Sequence[Any]) -> list[float]:
        """How much each micro-batch's loss counts in the step's."""
        return [float(not isinstance(batch, SpareBatch)) / len(group) for batch in group]

    def _heard(self, batch: Any, course: Course) -> torch.Tensor:
        """The loss of one micro-batch, logged."""
        with self._naming(batch, course):
            total = self._logged(course.prepare(unwrapped(batch)), course)
        course.passes += 1
        return total

    def _backward(self, total: torch.Tensor) -> None:
        torch.autograd.backward(self._scaler.scale(total))

    def _logged(self, batch: Any, course: Course) -> torch.Tensor:
        total, terms = self.train_on_batch(batch, course.arguments)
        self.write_loss(total, course.passes, terms)
        found: torch.Tensor = total
        return found

    def write_loss(self, total_loss: torch.Tensor, writer_step: int, losses_dict: Any = None) -> None:
        """Log one forward pass."""
        raise NotImplementedError

    @contextmanager
    def _synchronising(self, *, final: bool) -> Iterator[None]:
        """Forward and backward passes in here add to the gradient; the processes' gradients meet in the final one."""
        with ExitStack() as stack:
            for module in () if final else self._wrapped():
                stack.enter_context(module.no_sync())
            yield

    def _wrapped(self) -> list[DistributedDataParallel]:
        """What ``distributed`` has wrapped."""
        return [module for module in [self._student()] if isinstance(module, DistributedDataParallel)]

    def _before_step(self, progress: float) -> None:
        """Something to set before each step, at a point between 0 and 1 of the training."""

    def _after_step(self) -> None:
        """Something to bring in line after each step, on every process."""

    def _checkpoint(self, course: Course, epoch: int) -> None:
        raise NotImplementedError


def steps_per_epoch(batches: int, accumulation: int) -> int:
    """Optimiser steps in one epoch, the last one perhaps of fewer micro-batches.

    Raises:
        ConfigError: If not one step would have all of its micro-batches.
    """
    if accumulation > batches:
        raise ConfigError(
            "'gradient_accumulation_steps' must not exceed the number of batches in the loader.",
            received=f"{accumulation}, and {batches} batches",
            cure="Lower it, or make the batches smaller.",
        )
    return -(-batches // accumulation)


def endless(loader: Iterable[Any]) -> Iterator[Any]:
    """The loader's batches over and over; an empty loader ends at once."""
    found = True
    while found:
        found = False
        for batch in loader:
            found = True
            yield batch
