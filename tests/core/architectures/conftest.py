"""Small models of every family with random weights, made from a configuration as the trainer makes them."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin.catalog import catalog
from sinkd_plugin.specs import Architecture, Question

SETTINGS: dict[str, dict[str, Any]] = {
    "t5": {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 4, "num_decoder_layers": 3, "num_heads": 2},
    "bart": {
        "d_model": 16,
        **{f"{stack}_layers": depth for stack, depth in (("encoder", 4), ("decoder", 3))},
        **{f"{stack}_attention_heads": 2 for stack in ("encoder", "decoder")},
        **{f"{stack}_ffn_dim": 32 for stack in ("encoder", "decoder")},
        "max_position_embeddings": 64,
        "init_std": 0.5,
    },
    "gpt_neo": {
        "hidden_size": 16,
        "num_layers": 4,
        "num_heads": 2,
        "max_position_embeddings": 64,
        "window_size": 4,
        "initializer_range": 0.5,
    },
    "gpt2": {"n_embd": 16, "n_layer": 4, "n_head": 2, "n_positions": 64, "initializer_range": 0.5},
    "llama": {
        "hidden_size": 16,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "initializer_range": 0.5,
    },
}
FAMILY = {"t5": "encoder-decoder", "bart": "encoder-decoder"} | dict.fromkeys(("gpt_neo", "gpt2", "llama"), "decoder")
GENERATIVE = tuple(SETTINGS)

TEXTS = (
    "a warm and clever film with a story that is very good indeed",
    "dull",
    "the end is cold, so the scenes before it seem stupid and long",
    "quite good",
    "it was not the worst of all bad films",
    "good actors in a bad story",
)
LABELS = (1, 0, 0, 1, 1, 0)


def asked(texts: Any) -> str:
    return f"Review: {texts['text']}\nVerdict:"


@dataclass(frozen=True)
class Made:
    """A model with all that belongs to it."""

    family: Architecture
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    question: Question

    def reader(self, **changes: Any) -> Any:
        return self.family.reader(self.model.config, self.tokenizer, replace(self.question, **changes))

    def examples(self, **changes: Any) -> list[dict[str, Any]]:
        return list(self.reader(**changes).encode(self.split))

    @property
    def split(self) -> Dataset:
        return Dataset.from_dict({"text": list(TEXTS), "label": list(LABELS)})


def question(answers: tuple[str, ...] = ("very bad indeed", "good"), **changes: Any) -> Question:
    return Question(text=("text",), labels=("bad", "good"), max_length=48, ask=asked, answers=answers, **changes)


@cache
def family_of(kind: str) -> Architecture:
    return catalog().architectures.get(FAMILY[kind]).build()


@cache
def tokenizer_of(kind: str) -> PreTrainedTokenizerBase:
    texts = [asked({"text": text}) for text in TEXTS]
    return family_of(kind).train_tokenizer([*texts, "very bad indeed", "good", "very good"], 300)


@pytest.fixture(scope="session")
def make() -> Callable[..., Made]:
    """Make a model of a type: ``make("t5", seed=1, d_model=32)``."""

    def made(kind: str, seed: int = 0, **settings: Any) -> Made:
        torch.manual_seed(seed)
        tokenizer = deepcopy(tokenizer_of(kind))  # a family sets its longest input
        described = {"model_type": kind, **SETTINGS[kind], **settings}
        model = family_of(kind).fresh(described, tokenizer, ("bad", "good"))
        return Made(family_of(kind), model.eval(), tokenizer, question())

    return made


@pytest.fixture(scope="session", params=GENERATIVE)
def made(request: pytest.FixtureRequest, make: Callable[..., Made]) -> Made:
    """A model of each type that answers in words; tests must leave it as it is."""
    return make(request.param)
