"""Fine-tune a teacher on the task, through Transformers' ``Trainer``."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import torch
from datasets import Dataset
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from sinkd_plugin.console import Meter, progress
from sinkd_plugin.errors import NonFiniteLossError
from sinkd_plugin.specs import Reader
from sinkd_plugin.storage import storage_errors
from sinkd_plugin.textbrewer.distiller import Precision
from sinkd_plugin.training.batches import blinded
from sinkd_plugin.training.config import OptimizerOptions


def finetune(
    model: PreTrainedModel,
    reader: Reader,
    examples: Dataset,
    options: OptimizerOptions,
    *,
    seed: int,
    device: torch.device,
    precision: Precision,
) -> None:
    """Train ``model`` in place on the labels of an encoded split.

    Raises:
        NonFiniteLossError: If the loss becomes NaN or infinite.
    """
    steps = math.ceil(len(examples) / options.batch_size) * options.epochs
    with (
        storage_errors(Path(gettempdir())),
        TemporaryDirectory() as scratch,
        progress("Fine-tuning the teacher", steps) as meter,
    ):
        trainer = _Trainer(
            model=model,
            args=_arguments(Path(scratch), options, seed, device, precision),
            train_dataset=examples,
            data_collator=reader.collate,
            callbacks=[_Watch(meter)],
        )
        trainer.reader = reader
        trainer.remove_callback(PrinterCallback)
        with blinded(model):
            trainer.train()


def _arguments(
    scratch: Path, options: OptimizerOptions, seed: int, device: torch.device, precision: Precision
) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        warmup_ratio=options.warmup,
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm,
        group_by_length=True,
        length_column_name="length",
        remove_unused_columns=False,
        seed=seed,
        data_seed=seed,
        bf16=precision == "bf16",
        use_cpu=device.type == "cpu",
        dataloader_pin_memory=device.type != "cpu",
        save_strategy="no",
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
    )


class _Trainer(Trainer):  # type: ignore[misc]
    """Takes the loss from the adaptor, so that a teacher learns what its students will."""

    reader: Reader

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
        """The sum of the adaptor's losses."""
        outputs = model(**inputs, **self.reader.forward_arguments)
        loss = self.reader.adaptor(inputs, outputs)["losses"]
        return (loss, outputs) if return_outputs else loss


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Moves the progress bar, and stops a run whose loss is not finite."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        loss = (logs or {}).get("loss")
        if loss is None:
            return
        if not math.isfinite(loss):
            raise NonFiniteLossError(
                "The teacher's loss must be finite at every step.",
                received=f"{loss} at step {state.global_step}",
                cure="Lower teacher.finetune.learning_rate, or set training.precision to fp32.",
            )
        self._meter.advance(loss=loss)
