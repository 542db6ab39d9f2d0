"""Logits of a model for a whole split."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin.console import progress
from sinkd_plugin.textbrewer.distiller import Precision
from sinkd_plugin.training.batches import model_inputs, reading_batches

READING_BATCH = 64


@torch.inference_mode()
def predict_logits(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Dataset,
    *,
    what: str,
    precision: Precision = "fp32",
) -> torch.Tensor:
    """Run the model over every example.

    Args:
        model: In any mode; it is put into evaluation mode and left there.
        tokenizer: Its tokenizer.
        examples: A tokenised split.
        what: Description for the progress bar.
        precision: ``bf16`` runs the model under autocast.

    Returns:
        ``(examples, classes)`` float32 on the CPU, in the order of the split.
    """
    model.eval()
    batches = reading_batches(examples, tokenizer, READING_BATCH)
    rows = torch.empty(len(examples), model.config.num_labels)
    with progress(what, len(batches)) as meter:
        for batch in batches:
            inputs = {name: value.to(model.device) for name, value in model_inputs(batch).items()}
            with autocast(model.device, precision):
                logits = model(**inputs).logits
            rows[batch["index"]] = logits.float().cpu()
            meter.advance()
    return rows


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[None]:
    """The autocast of a precision."""
    return nullcontext() if precision == "fp32" else torch.autocast(device.type, torch.bfloat16)
