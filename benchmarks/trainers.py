"""The two trainers that are compared, on models with random weights, and the batches they learn from."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from typing import Any

import textbrewer
import torch
from transformers import BertConfig, BertForSequenceClassification

import sinkd_plugin

CLASSES, VOCABULARY = 2, 30_522
logging.getLogger("Distillation").setLevel(logging.WARNING)
DISTILLATION: Mapping[str, Any] = {
    "temperature": 2,
    "hard_label_weight": 0.1,
    "kd_loss_type": "ce",
    "kd_loss_weight": 0.9,
}


def bert(layers: int, hidden: int, seed: int) -> BertForSequenceClassification:
    """A classifier with random weights, 32 dimensions a head."""
    torch.manual_seed(seed)
    shape = {"num_hidden_layers": layers, "hidden_size": hidden, "num_attention_heads": hidden // 32}
    return BertForSequenceClassification(
        BertConfig(vocab_size=VOCABULARY, num_labels=CLASSES, intermediate_size=4 * hidden, **shape)
    )


def batches(count: int, rows: int, tokens: int) -> list[dict[str, torch.Tensor]]:
    """Batches of random tokens, all of one length."""
    draw = torch.Generator().manual_seed(0)
    return [
        {
            "input_ids": torch.randint(0, VOCABULARY, (rows, tokens), generator=draw),
            "attention_mask": torch.ones(rows, tokens, dtype=torch.long),
            "labels": torch.randint(0, CLASSES, (rows,), generator=draw),
        }
        for _ in range(count)
    ]


def adaptor(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
    """What TextBrewer's losses look at."""
    return {"logits": outputs["logits"], "losses": outputs.get("loss")}


def stock(teacher: Any, student: Any, **training: Any) -> Any:
    """TextBrewer's ``GeneralDistiller``; it writes no checkpoints, as ours does not."""
    distiller = textbrewer.GeneralDistiller(
        train_config(**training), textbrewer.DistillationConfig(**DISTILLATION), teacher, student, adaptor, adaptor
    )
    distiller.save_and_callback = lambda *_: None
    return distiller


def ours(teacher: Any, student: Any, *, sinkd: Any = None, scope: str = "global", **training: Any) -> Any:
    """``SinkhornDistiller``, which ``sinkd distill`` trains with, with its checks and an observer."""
    return sinkd_plugin.SinkhornDistiller(
        train_config(**training),
        sinkd_plugin.DistillationConfig(**DISTILLATION, sinkd=sinkd),
        teacher,
        student,
        adaptor,
        adaptor,
        scope=scope,
        observer=lambda step, terms: None,
        save_state_dicts=False,
        figures_every=0,
    )


def train_config(**training: Any) -> Any:
    """TextBrewer's, on the CPU."""
    return textbrewer.TrainingConfig(output_dir=tempfile.gettempdir(), device="cpu", **training)


def train(distiller: Any, student: torch.nn.Module, loader: Any, **keywords: Any) -> None:
    """Go through the loader once."""
    optimizer = torch.optim.AdamW(student.parameters(), lr=1e-5)
    with distiller:
        distiller.train(optimizer, loader, num_epochs=1, **keywords)
