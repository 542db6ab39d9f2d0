"""TextBrewer's distillers with its faults put right: same constructors, same ``train()``, one class to swap.

Each is TextBrewer's class behind mixins of one idea each: ``objective`` (the loss), ``matches`` (hidden layers),
``loop`` (optimiser steps), ``guard`` (NaN), ``schedules`` (weights), ``term_log`` (the log), ``distribution`` (several
processes), ``modes`` (who trains), ``alignment`` (whose classes are whose).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.textbrewer.alignment import aligned
from sinkd_plugin.textbrewer.batches import plain
from sinkd_plugin.textbrewer.caching import CachedBatches, kept, spoken
from sinkd_plugin.textbrewer.device import usable
from sinkd_plugin.textbrewer.distribution import add_groups, check_fp16, data_parallel, distributed
from sinkd_plugin.textbrewer.host import textbrewer
from sinkd_plugin.textbrewer.keeping import Keeper
from sinkd_plugin.textbrewer.loop import Course, endless
from sinkd_plugin.textbrewer.matches import Matches
from sinkd_plugin.textbrewer.modes import training_modes
from sinkd_plugin.textbrewer.objective import Objective
from sinkd_plugin.textbrewer.precision import Precision
from sinkd_plugin.textbrewer.schedules import ScheduledWeights
from sinkd_plugin.textbrewer.term_log import FIGURES_EVERY, LoggedTerms, Observer
from sinkd_plugin.textbrewer.whole_group import Scope, WholeGroups

__all__ = [
    "Adaptor",
    "BasicDistiller",
    "GeneralDistiller",
    "Precision",
    "Scope",
    "SinkhornDistiller",
    "course_of",
    "unchanged",
]

_host = textbrewer()
_utilities = _host.distiller_utils
logger = logging.getLogger("Distillation")
Adaptor = Callable[..., Any]


class BasicDistiller(
    Objective,
    LoggedTerms,
    ScheduledWeights,
    WholeGroups,
    _host.BasicDistiller,  # type: ignore[misc, name-defined]
):
    """One teacher, logits only; can cache the teacher's logits.

    Args:
        train_config: TextBrewer's ``TrainingConfig``; a CUDA that is not there becomes the CPU, with a note.
        distill_config: ``sinkd_plugin.DistillationConfig``, or TextBrewer's own; never changed.
        model_T: The teacher.
        model_S: The student.
        adaptor_T: The teacher's adaptor.
        adaptor_S: The student's adaptor.
        precision: ``bf16`` and ``fp16`` run both models under autocast; ``fp16`` scales the loss, and skips and counts
            steps whose gradient overflows (``skipped_steps``).
        observer: Called after each forward pass with its number and its figures; replaces TextBrewer's bars.
        save_state_dicts: Whether to write TextBrewer's ``gs{step}.pkl`` at each checkpoint.
        figures_every: Forward passes between two records of gradient shares and of the transport plan; 0 for none.
        scope: ``global`` lets the loss see all rows of an optimiser step, of all its micro-batches and processes, so
            that accumulation and data parallelism train what one large batch would; ``local`` lets it see one
            micro-batch of one process, as TextBrewer does. By default ``local``, and ``global`` for
            ``SinkhornDistiller``.
        keeper: Keeps the states of the training, and gives the one to go on from.
        seed: Of the rows that are drawn where a group has more than ``sinkd.max_rows``.

    Raises:
        UnknownNameError: If no loss has the configuration's ``kd_loss_type``.
    """

    model_S: Any
    model_T: Any
    _scope: Scope = "local"

    def __init__(
        self,
        train_config: Any,
        distill_config: Any,
        model_T: Any,
        model_S: Any,
        adaptor_T: Any,
        adaptor_S: Any,
        *arguments: Any,
        precision: Precision = "fp32",
        observer: Observer | None = None,
        save_state_dicts: bool = True,
        figures_every: int = FIGURES_EVERY,
        scope: Scope | None = None,
        keeper: Keeper | None = None,
        seed: int = 0,
        **keywords: Any,
    ) -> None:
        self.d_config = distill_config
        self._own_weights()
        self._own_objective()
        loss = self.kd_loss  # TextBrewer's constructor puts both terms in one
        super().__init__(
            usable(train_config), self.d_config, model_T, model_S, adaptor_T, adaptor_S, *arguments, **keywords
        )
        self.kd_loss = loss
        self._precision = precision
        self._observer = observer
        self._save_state_dicts = save_state_dicts
        self._figures_every = figures_every
        self._scope = scope or self._scope
        self._keeper = keeper
        self._seed = seed

    def train(self, *arguments: Any, **keywords: Any) -> None:
        """Train the student; takes what TextBrewer's ``train()`` takes.

        Teachers are in evaluation mode meanwhile, whether or not the caller writes ``with distiller:``.

        Raises:
            ConfigError: If gradients were to be accumulated over more batches than there are.
            LossInputError: If the adaptors' results do not fit each other.
            NonFiniteLossError: If a loss or a gradient is NaN or infinite; the weights stay as they were.
        """
        with training_modes(self.model_S, self.model_T):
            try:
                super().train(*arguments, **keywords)
            finally:
                self._restore_weights()
                self._forget()

    def train_with_num_epochs(
        self,
        optimizer: Any,
        scheduler: Any,
        tqdm_disable: bool | None,
        dataloader: Any,
        max_grad_norm: float,
        num_epochs: int,
        callback: Any,
        batch_postprocessor: Any,
        **args: Any,
    ) -> None:
        """The part of ``train()`` that counts epochs."""
        course = course_of(optimizer, scheduler, max_grad_norm, callback, batch_postprocessor, args)
        if self.d_config.is_caching_logits:
            logger.info("Caching batches and the teacher's logits")
            for batch in dataloader:
                self.cache_logits(batch, args, batch_postprocessor)
            dataloader, course.prepare = CachedBatches(self.logits_cache), unchanged
        self._run_epochs(dataloader, int(num_epochs), course, tqdm_disable)

    def train_with_num_steps(
        self,
        optimizer: Any,
        scheduler: Any,
        tqdm_disable: bool | None,
        dataloader: Any,
        max_grad_norm: float,
        num_steps: int,
        callback: Any,
        batch_postprocessor: Any,
        **args: Any,
    ) -> None:
        """The part of ``train()`` that counts steps.

        Raises:
            ConfigError: If logits are to be cached, for which TextBrewer wants epochs.
        """
        if self.d_config.is_caching_logits:
            raise ConfigError("'is_caching_logits' needs 'num_epochs'.", received=f"num_steps={num_steps}")
        course = course_of(optimizer, scheduler, max_grad_norm, callback, batch_postprocessor, args)
        self._run_steps(endless(dataloader), int(num_steps), course, tqdm_disable)

    def train_on_batch(self, batch: Any, args: Mapping[str, Any]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """One forward pass of both models and the loss; accepts the ``BatchEncoding`` of Transformers' collators."""
        student, teacher = self._adapted(batch, args)
        return self.compute_loss(*self._comparable(student, teacher, self._teacher_of(batch)))

    def _adapted(self, batch: Any, args: Mapping[str, Any]) -> tuple[Any, Any]:
        """What both adaptors return."""
        teacher = None
        if self.d_config.is_caching_logits:
            batch, teacher = batch
            teacher = _utilities.move_to_device(teacher, self.t_config.device)
        batch, (model, speak, adapt) = self._task(plain(batch))
        with self._autocast(enabled=True):
            (theirs, said), (ours, outputs) = _utilities.get_outputs_from_batch(
                batch, self.t_config.device, model, self.model_S, args, no_teacher_forward=teacher is not None
            )
            if teacher is None:
                teacher = self._adapted_teachers(speak, theirs, said)
            student = _utilities.post_adaptor(adapt(ours, outputs))
        return student, teacher

    def _adapted_student(self, batch: Any, args: Mapping[str, Any]) -> Any:
        """What the student's adaptor returns, without asking the teacher."""
        batch = batch[0] if self.d_config.is_caching_logits else batch
        batch, (_, _, adapt) = self._task(plain(batch))
        with self._autocast(enabled=True):
            _, (ours, outputs) = _utilities.get_outputs_from_batch(
                batch, self.t_config.device, None, self.model_S, args, no_teacher_forward=True
            )
            return _utilities.post_adaptor(adapt(ours, outputs))

    def _teacher_of(self, batch: Any) -> Any:
        """The teacher that a batch is for, or all of them."""
        return self.model_T

    def _task(self, batch: Any) -> tuple[Any, tuple[Any, Adaptor, Adaptor]]:
        """The batch, and the teacher and the two adaptors that it is for."""
        return batch, (self.model_T, self.adaptor_T, self.adaptor_S)

    def _adapted_teachers(self, adaptor: Any, batch: Any, outputs: Any) -> Any:
        return _utilities.post_adaptor(adaptor(batch, outputs))

    def _comparable(self, student: Any, teacher: Any, model: Any) -> tuple[Any, Any]:
        return aligned(student, teacher, self.model_S, model)

    def cache_logits(self, batch: Any, args: Mapping[str, Any], batch_postprocessor: Any) -> None:
        """Let the teacher speak once, and keep it on the CPU with the batch."""
        batch = plain(batch if batch_postprocessor is None else batch_postprocessor(batch))
        theirs = batch["teacher"] if isinstance(batch, dict) and {"teacher", "student"} <= batch.keys() else batch
        theirs = _utilities.move_to_device(theirs, self.t_config.device)
        with self._autocast(enabled=True):
            results = self._adapted_teachers(self.adaptor_T, theirs, spoken(self.model_T, theirs, args))
        self.logits_cache.append((batch, kept(results)))

    def initialize_training(
        self, optimizer: Any, scheduler_class: Any, scheduler_args: Any, scheduler: Any
    ) -> tuple[Any, Any, bool | None]:
        """Give projections to the optimiser, build the scheduler, wrap the models for several devices."""
        check_fp16(self.t_config)
        add_groups(optimizer, self._projections())
        if scheduler_class is not None:
            scheduler = scheduler_class(optimizer=optimizer, **(scheduler_args or {}))
        if self.local_rank != -1:
            self._distribute()
        elif self.t_config.data_parallel:
            self.model_S, self.model_T = data_parallel(self.model_S), data_parallel(self.model_T)
        return optimizer, scheduler, True if self._observer or self.rank != 0 else None

    def _distribute(self) -> None:
        self.model_S = distributed(
            self.model_S,
            self.t_config.device,
            find_unused_parameters=True,
            # with as many forward passes as a process has micro-batches, no two would broadcast at the same time
            broadcast_buffers=self._scope == "local",
        )

    def _projections(self) -> Iterator[tuple[Any, Any]]:
        yield from ()

    def save_and_callback(self, global_step: int, step: int, epoch: int, callback: Any) -> None:
        """As in TextBrewer, except that the state dict is written on request only."""
        self._forget()
        if self._save_state_dicts:
            _host.BasicDistiller.save_and_callback(self, global_step, step, epoch, callback)
        elif callback is not None:
            callback(model=self.model_S, step=global_step)
            self.model_S.train()

    def _continue_log(self, passes: int) -> None:
        super()._continue_log(passes)
        self._passes = passes

    def _student(self) -> Any:
        return self.model_S

    def _before_step(self, progress: float) -> None:
        self._schedule_weights(progress)

    def _checkpoint(self, course: Course, epoch: int) -> None:
        self.save_and_callback(course.step, course.passes - 1, epoch, course.callback)


class GeneralDistiller(Matches, BasicDistiller, _host.GeneralDistiller):  # type: ignore[misc, name-defined]
    """One teacher; logits, ``intermediate_matches`` and ``custom_matches``. Takes what ``BasicDistiller`` takes.

    Args:
        custom_matches: After the adaptors: ``CustomMatch`` records, or mappings with the same keys.
    """

    def _projections(self) -> Iterator[tuple[Any, Any]]:
        yield from zip(self.projs, self.projs_group, strict=True)
        if self.has_custom_matches:
            cache = self.custom_matches_cache
            yield from zip(cache["match_proj_funcs"], cache["match_proj_groups"], strict=True)

    def _distribute(self) -> None:
        super()._distribute()
        self.projs = [distributed(each, self.t_config.device) for each in self.projs]
        if self.has_custom_matches:
            own = self.custom_matches_cache["match_proj_funcs"]
            own[:] = [distributed(each, self.t_config.device) for each in own]

    def _wrapped(self) -> list[DistributedDataParallel]:
        projections = [module for module, _ in self._projections()]
        return super()._wrapped() + [module for module in projections if isinstance(module, DistributedDataParallel)]


class SinkhornDistiller(GeneralDistiller):
    """``GeneralDistiller`` that always keeps the transport term's weight apart from the KD term's.

        ``L = hard_label_weight * CE + kd_loss_weight * KD + sinkd.weight * SD`` and intermediate matches

    With ``sinkd_plugin.DistillationConfig`` the two are one and the same. With TextBrewer's own and
    ``kd_loss_type="sinkd"`` they differ where ``kd_loss_weight`` is not 1: TextBrewer's distillers, and ours by the
    same names, multiply the whole slot by it, the transport term included.

    Its loss sees all rows of an optimiser step together, unless ``scope="local"``.
    """

    _transport_follows_kd = False
    _scope = "global"


def course_of(
    optimizer: Any, scheduler: Any, max_grad_norm: float, callback: Any, prepare: Any, arguments: Mapping[str, Any]
) -> Course:
    """One call of ``train()`` in TextBrewer's terms."""
    return Course(
        optimizer=optimizer,
        scheduler=scheduler,
        max_grad_norm=max_grad_norm,
        callback=callback,
        prepare=prepare or unchanged,
        arguments=arguments,
    )


def unchanged(batch: Any) -> Any:
    """The batch of a caller who gave no ``batch_postprocessor``."""
    return batch


_host.Distillers.setdefault("SinkD", SinkhornDistiller)
