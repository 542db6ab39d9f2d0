"""TextBrewer's ``BasicTrainer`` on the same loop as our distillers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from sinkd_plugin.errors import ConfigError, LossInputError
from sinkd_plugin.textbrewer.addends import addends
from sinkd_plugin.textbrewer.batches import SpareBatch, plain
from sinkd_plugin.textbrewer.device import usable
from sinkd_plugin.textbrewer.distribution import check_fp16, data_parallel, distributed
from sinkd_plugin.textbrewer.guard import check_values
from sinkd_plugin.textbrewer.host import textbrewer
from sinkd_plugin.textbrewer.keeping import Keeper
from sinkd_plugin.textbrewer.loop import Course, TrainingLoop, endless
from sinkd_plugin.textbrewer.modes import training_modes
from sinkd_plugin.textbrewer.precision import Precision, autocast
from sinkd_plugin.textbrewer.term_log import Observer
from sinkd_plugin.textbrewer.whole_group import Scope

_host = textbrewer()
_utilities = _host.distiller_utils


class BasicTrainer(TrainingLoop, _host.BasicTrainer):  # type: ignore[misc, name-defined]
    """Trains a model on the ``losses`` that its adaptor returns; for teachers.

    Args:
        train_config: TextBrewer's ``TrainingConfig``; a CUDA that is not there becomes the CPU, with a note.
        model: The model.
        adaptor: ``adaptor(batch, outputs)`` returns ``{"losses": …}``, one 0-dim tensor or a list.
        precision: ``bf16`` runs the model under autocast.
        observer: Called after each forward pass with its number and its ``total_loss``; replaces TextBrewer's bars.
        save_state_dicts: Whether to write TextBrewer's ``gs{step}.pkl`` at each checkpoint.
        scope: ``global`` weighs each micro-batch of a step, on whichever process, by the number of its labels, so that
            together they count as one batch; ``local`` weighs them alike, as TextBrewer does.
        keeper: Keeps the states of the training, and gives the one to go on from.
    """

    model: Any

    def __init__(
        self,
        train_config: Any,
        model: Any,
        adaptor: Any,
        *,
        precision: Precision = "fp32",
        observer: Observer | None = None,
        save_state_dicts: bool = True,
        scope: Scope = "local",
        keeper: Keeper | None = None,
    ) -> None:
        super().__init__(usable(train_config), model, adaptor)
        self._precision = precision
        self._observer = observer
        self._save_state_dicts = save_state_dicts
        self._scope = scope
        self._keeper = keeper

    def train(
        self,
        optimizer: Any,
        dataloader: Any,
        num_epochs: int | None = None,
        scheduler_class: Any = None,
        scheduler_args: Any = None,
        scheduler: Any = None,
        max_grad_norm: float = -1.0,
        num_steps: int | None = None,
        callback: Any = None,
        batch_postprocessor: Any = None,
        **args: Any,
    ) -> None:
        """Train the model; takes what ``BasicDistiller.train`` takes.

        Raises:
            ConfigError: If nothing says how long, or gradients were to be accumulated over more batches than there are.
            LossInputError: If the adaptor returns no loss.
            NonFiniteLossError: If a loss or a gradient is NaN or infinite; the weights stay as they were.
        """
        check_fp16(self.t_config)
        if num_epochs is None and num_steps is None:
            raise ConfigError("'train()' needs 'num_epochs' or 'num_steps'.", received="neither")
        if scheduler_class is not None:
            scheduler = scheduler_class(optimizer=optimizer, **(scheduler_args or {}))
        self._wrap()
        course = Course(
            optimizer=optimizer,
            scheduler=scheduler,
            max_grad_norm=max_grad_norm,
            callback=callback,
            prepare=batch_postprocessor or plain,
            arguments=args,
        )
        quiet = True if self._observer or self.rank != 0 else None
        with training_modes(self.model):
            if num_steps is not None:
                self._run_steps(endless(dataloader), int(num_steps), course, quiet)
            elif num_epochs is not None:
                self._run_epochs(dataloader, int(num_epochs), course, quiet)

    def _wrap(self) -> None:
        if self.local_rank != -1:
            self.model = distributed(
                self.model,
                self.t_config.device,
                find_unused_parameters=True,
                broadcast_buffers=self._scope == "local",
            )
        elif self.t_config.data_parallel:
            self.model = data_parallel(self.model)

    def train_on_batch(self, batch: Any, args: Mapping[str, Any]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """One forward pass, and the sum of the losses.

        Raises:
            LossInputError: If there is none.
        """
        batch = _utilities.move_to_device(plain(batch), self.t_config.device)
        with autocast(self._precision, self.t_config.device):
            outputs = self.model(**batch, **args) if isinstance(batch, dict) else self.model(*batch, **args)
        found = _utilities.post_adaptor(self.adaptor(batch, outputs)).get("losses") or []
        losses = [loss.float().mean() for loss in found if loss is not None]
        if not losses:
            raise LossInputError(
                "The adaptor must return 'losses'.",
                received="none",
                cure="Put 'labels' into the batch and return {'losses': outputs.loss}.",
            )
        return torch.stack(losses).sum(), {}

    def write_loss(self, total_loss: torch.Tensor, writer_step: int, losses_dict: Any = None) -> None:
        """Log the loss, and stop before one that is not finite reaches the weights."""
        value = float(total_loss.detach())
        check_values({"total_loss": value}, writer_step)
        if self.rank == 0:
            self.tb_writer.add_scalar("scalar/total_loss", value, writer_step)
        if self._observer is not None:
            self._observer(writer_step, {"total_loss": value})

    def _weights(self, group: Sequence[Any]) -> list[float]:
        if self._scope == "local":
            return super()._weights(group)
        counts = [0.0 if isinstance(batch, SpareBatch) else addends(batch, {})[0] for batch in group]
        total = torch.tensor(sum(counts), dtype=torch.float64)
        if self.local_rank != -1:
            total = total.to(self.t_config.device)
            torch.distributed.all_reduce(total)
        # the mean over processes that DistributedDataParallel takes is to be the sum
        processes = torch.distributed.get_world_size() if self.local_rank != -1 else 1
        return [processes * count / max(float(total), 1.0) for count in counts]

    def _student(self) -> Any:
        return self.model

    def _checkpoint(self, course: Course, epoch: int) -> None:
        if self.rank == 0 and self._save_state_dicts:
            state = getattr(self.model, "module", self.model).state_dict()
            torch.save(state, Path(self.t_config.output_dir) / f"gs{course.step}.pkl")
        if self.local_rank != -1:
            torch.distributed.barrier()
        if course.callback is not None:
            course.callback(model=self.model, step=course.step)
            self.model.train()
