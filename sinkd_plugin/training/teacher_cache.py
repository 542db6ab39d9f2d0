"""The teacher's logits on the training split, computed once and addressed by example, so that epochs reshuffle."""

from __future__ import annotations

from pathlib import Path

import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin.console import note
from sinkd_plugin.storage import new_folder
from sinkd_plugin.textbrewer.distiller import Precision
from sinkd_plugin.training.predict import predict_logits
from sinkd_plugin.training.stage import finished, write_record

_FILE = "logits.safetensors"


def cached_logits(
    folder: Path,
    expected: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Dataset,
    precision: Precision,
) -> torch.Tensor:
    """The teacher's logits ``(examples, classes)``, in the order of ``index``.

    Args:
        folder: Where they are kept.
        expected: Fingerprint of everything they depend on; a folder with another one is replaced.
        model: The teacher.
        tokenizer: Its tokenizer.
        examples: The tokenised training split.
        precision: Of the forward pass.
    """
    if finished(folder, expected):
        note("Teacher's logits: taken from an earlier run")
        return load_file(folder / _FILE)["logits"]
    logits = predict_logits(model, tokenizer, examples, what="Teacher's logits", precision=precision)
    with new_folder(folder, overwrite=True) as staging:
        save_file({"logits": logits}, staging / _FILE)
        write_record(staging, {"fingerprint": expected})
    return logits
