"""What the contract is tested on: for every family a teacher of random weights, for every task a few examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset, DatasetDict

from sinkd_plugin.architectures.specs import family_of
from sinkd_plugin.catalog import catalog
from sinkd_plugin.specs import TaskSpec
from sinkd_plugin.tasks.load import LoadedTask
from sinkd_plugin.tasks.prompts import asked
from sinkd_plugin.training.config import RunConfig, checked
from sinkd_plugin.training.material import Material, gather_material
from sinkd_plugin.training.prepare import Prepared
from sinkd_plugin.training.question import prompt_for
from sinkd_plugin.training.stage import Stage
from sinkd_plugin.training.teacher_origin import TeacherOrigin

MODELS: dict[str, dict[str, Any]] = {
    "encoder": {
        "model_type": "bert",
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 96,
        "initializer_range": 0.4,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    },
    "encoder-decoder": {
        "model_type": "t5",
        "d_model": 16,
        "d_kv": 8,
        "d_ff": 32,
        "num_heads": 2,
        "num_layers": 2,
        "num_decoder_layers": 3,
        "dropout_rate": 0.0,
    },
    "decoder": {
        "model_type": "gpt_neo",
        "hidden_size": 16,
        "num_heads": 2,
        "num_layers": 3,
        "max_position_embeddings": 96,
        "window_size": 8,
        "initializer_range": 0.4,
    },
}
"""A small model of each family, without dropout; a family that is not here fails the first test."""

WORDS = (
    "warm",
    "film",
    "the end",
    "it was not so",
    "a dull and very long story of two actors",
    "quite",
    "so good it is",
)
BATCH, EXAMPLES = 4, 8


def split(task: TaskSpec) -> Dataset:
    """Examples of a task, texts of different lengths and every class."""
    columns: dict[str, list[Any]] = {
        column: [f"{WORDS[(row + shift) % len(WORDS)]} {row}" for row in range(EXAMPLES)]
        for shift, column in enumerate(task.text)
    }
    numbers = [row / 2 for row in range(EXAMPLES)]
    classes = [row % max(1, len(task.labels)) for row in range(EXAMPLES)]
    answer = {"target": [WORDS[row % 3] for row in range(EXAMPLES)]} if task.kind == "generation" else {}
    label = {"label": numbers if task.kind == "regression" else classes} if task.kind != "generation" else {}
    return Dataset.from_dict({**columns, **answer, **label, "index": list(range(EXAMPLES))})


def texts() -> list[str]:
    """Everything that any task asks and answers, so that one tokenizer serves all."""
    found = list(WORDS)
    for entry in catalog().tasks:
        for prompt in entry.spec.prompts:
            found += [asked(prompt, dict.fromkeys(entry.spec.text, word)) for word in WORDS[:2]]
            found += [f"{word} {word}" for word in prompt.verbalisers]
    return found


@cache
def tokenizer_of(family: str) -> Any:
    return catalog().architectures.get(family).build().train_tokenizer(texts(), 900)


@dataclass(frozen=True)
class Setting:
    """One family and one task, ready for a student."""

    config: RunConfig
    prepared: Prepared
    stage: Stage

    def material(self) -> Material:
        return gather_material(self.config, self.prepared, self.stage)


@pytest.fixture(scope="session")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a family's teacher for a number of labels, its vocabulary filled up by some entries."""

    @cache
    def make(family: str, labels: tuple[str, ...], filling: int) -> Path:
        folder = tmp_path_factory.mktemp("teacher")
        torch.manual_seed(0)
        tokenizer = tokenizer_of(family)
        settings = {**MODELS[family], "vocab_size": len(tokenizer) + filling}
        model = catalog().architectures.get(family).build().fresh(settings, tokenizer, labels)
        model.save_pretrained(folder)
        tokenizer_of(family).save_pretrained(folder)
        return folder

    def teacher(family: str, labels: Sequence[str], filling: int = 0) -> Path:
        return make(family, tuple(labels), filling)

    return teacher


@pytest.fixture
def setting(teachers: Callable[..., Path], tmp_path: Path) -> Callable[..., Setting]:
    """``setting("decoder", task, {"kd_loss_type": "kl"}, readout="last")``: a run that is about to make its student."""

    def make(
        family: str,
        task: TaskSpec,
        distillation: Mapping[str, Any],
        training: Mapping[str, Any] | None = None,
        filling: int = 0,
        **changes: Any,
    ) -> Setting:
        folder = teachers(family, task.labels, filling)
        config = checked(
            {
                "task": "reviews",
                "data": {"max_length": 64},
                "teacher": {"model": str(folder)},
                "student": {"from_teacher_layers": 2},
                "training": {
                    "output_dir": str(tmp_path / "run"),
                    "device": "cpu",
                    "precision": "fp32",
                    **(training or {}),
                },
                "distillation": distillation,
                "optimizer": {"epochs": 1, "batch_size": BATCH, "learning_rate": 1e-2, "warmup": 0},
                **changes,
            }
        )
        (tmp_path / "run").mkdir(exist_ok=True)
        spec = catalog().architectures.get(family)
        model_config = spec.build().load(str(folder), task.labels)[0].config
        assert family_of(model_config).name == family
        prepared = Prepared(
            task=LoadedTask(
                spec=task, splits=DatasetDict({name: split(task) for name in ("train", "validation", "test")})
            ),
            prompt=prompt_for(spec, task, config.prompt),
            data_fingerprint=f"{family} {task.name}",
            family=spec,
            architecture=spec.build(),
            teacher=TeacherOrigin(
                reference=str(folder),
                settings={},
                config=model_config,
                tokenizer=tokenizer_of(family),
                fingerprint=family,
            ),
            device=torch.device("cpu"),
            precision="fp32",
        )
        return Setting(config, prepared, Stage(folder=folder, record={"fingerprint": family}))

    return make
