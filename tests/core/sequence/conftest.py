"""Small runs of generation tasks: three words to be put in the order that a rare marker tells."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sinkd_plugin.training.config import RunConfig, checked, with_key

TEACHERS: dict[str, dict[str, Any]] = {
    "t5": {
        "model_type": "t5",
        "d_model": 32,
        "d_kv": 8,
        "d_ff": 64,
        "num_layers": 2,
        "num_decoder_layers": 2,
        "num_heads": 4,
        "dropout_rate": 0.0,
    },
    "gpt_neo": {
        "model_type": "gpt_neo",
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
        "window_size": 32,
        "attention_dropout": 0.0,
        "embed_dropout": 0.0,
        "resid_dropout": 0.0,
    },
}
WORDS = ("one", "two", "three", "four", "five", "six")


def _write(path: Path, count: int, seed: int) -> str:
    """Two columns without a header: two words, and either of them first."""
    draw = random.Random(seed)
    lines = []
    for _ in range(count):
        pair = draw.sample(WORDS, 2)
        lines.append(f"{' '.join(sorted(pair))}\t{' '.join(pair)}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pairs")
    sizes = {"train": 96, "validation": 8, "test": 12}
    return {name: _write(folder / f"{name}.tsv", count, seed) for seed, (name, count) in enumerate(sizes.items())}


@pytest.fixture(scope="session")
def sequence_settings(pairs: dict[str, str]) -> Callable[..., dict[str, Any]]:
    """The configuration of a run of a few seconds as plain data, for a kind of teacher, with dotted keys changed."""

    def make(kind: str, folder: Path, changes: dict[str, Any] | None = None) -> dict[str, Any]:
        vocabulary = 64 if kind == "t5" else 300
        data: dict[str, Any] = {
            "task": {"name": "pairs", "files": pairs, "header": ["words", "order"], "text": "words", "target": "order"},
            "data": {"max_length": 24, "max_target_length": 5},
            "teacher": {
                "from_config": TEACHERS[kind],
                "tokenizer": {"train": {"vocab_size": vocabulary}},
                "finetune": {"epochs": 2, "learning_rate": 1e-2, "batch_size": 16},
            },
            "student": {"from_teacher_layers": 1},
            "training": {"output_dir": str(folder), "device": "cpu", "precision": "fp32"},
            "distillation": {"temperature": 1, "kd_loss_type": "kl"},
            "optimizer": {"epochs": 1, "learning_rate": 1e-3, "batch_size": 16},
            "decoding": {"samples": 2},
            "sequence": {"method": "js"},
        }
        data = copy.deepcopy(data)
        for key, value in (changes or {}).items():
            data = with_key(data, key, value)
        return data

    return make


@pytest.fixture(scope="session")
def sequence_run(sequence_settings: Callable[..., dict[str, Any]]) -> Callable[..., RunConfig]:
    """The same, checked."""
    return lambda *arguments, **keywords: checked(sequence_settings(*arguments, **keywords))
