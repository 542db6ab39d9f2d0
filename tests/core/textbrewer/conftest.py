"""Small models and batches, and a distiller trained on them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers


def adaptor(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
    found = {
        "logits": outputs.logits,
        "losses": outputs.loss,
        "hidden": outputs.hidden_states,
        "inputs_mask": batch["attention_mask"],
        "labels": batch["labels"],
    }
    return {name: value for name, value in found.items() if value is not None}


@pytest.fixture
def adapt() -> Callable[..., dict[str, Any]]:
    """An adaptor as TextBrewer's users write it."""
    return adaptor


def _classifier(seed: int, layers: int) -> Any:
    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=30,
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=16,
        num_labels=3,
        initializer_range=0.5,  # spread, so that rows differ and the plan is not trivial
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        output_hidden_states=True,
    )
    return transformers.BertForSequenceClassification(config)


@pytest.fixture(scope="session")
def _models() -> tuple[Any, Any]:
    return _classifier(0, 2), _classifier(1, 1)


@pytest.fixture
def models(_models: tuple[Any, Any]) -> tuple[Any, Any]:
    """A teacher and a student without dropout, the same for every test; copies, so that each may train them."""
    teacher, student = copy.deepcopy(_models)
    return teacher.eval(), student


@pytest.fixture(scope="session")
def batches() -> list[dict[str, Any]]:
    """Three batches of five examples; a list is all that TextBrewer asks of a loader."""
    draw = torch.Generator().manual_seed(0)
    return [
        {
            "input_ids": torch.randint(1, 30, (5, 8), generator=draw),
            "attention_mask": torch.ones(5, 8, dtype=torch.long),
            "labels": torch.randint(0, 3, (5,), generator=draw),
        }
        for _ in range(3)
    ]


@pytest.fixture
def train_config(tmp_path: Path) -> Any:
    """TextBrewer's, on the CPU and in a folder of the test."""
    from sinkd_plugin.textbrewer.host import textbrewer

    return textbrewer().TrainingConfig(
        device="cpu", output_dir=str(tmp_path / "out"), ckpt_steps=1, ckpt_epoch_frequency=1
    )
