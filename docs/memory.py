"""What the two examples for large teachers need of a GPU's memory, by formula: nothing is loaded.

    python docs/memory.py

Weights: the frozen teacher in bf16, 2 bytes a parameter; the student in float32 with its gradient and AdamW's two
moments, 16 bytes a parameter, and so is a teacher that is fine-tuned first. Activations, with gradient checkpointing:
the hidden states between the layers, 4 bytes a number, and all activations of the one layer that is being computed
again, s·b·h·(34 + 5·a·s/h) bytes for s tokens, b examples, width h and a heads (Korthikanti et al. 2022, arXiv
2205.05198, equation 1). Logits: of the rows of the answers alone, n = b · (tokens of an answer and its end), 4 bytes
each; six tensors of them live at once (both models' logits and probabilities, a gradient, a difference). The transport
plan and its sweeps take n² and little beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class Case:
    """An example, and its teacher's published configuration."""

    name: str
    model: Any
    config: dict[str, Any]
    student: dict[str, Any]
    width: int
    heads: int
    layers: int
    batch: int
    tokens: int
    answer: int
    finetuned: bool


T0_3B = {
    "model_type": "t5",
    "vocab_size": 32128,
    "d_model": 2048,
    "d_kv": 64,
    "d_ff": 5120,
    "num_heads": 32,
    "num_layers": 24,
    "num_decoder_layers": 24,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
}
GPT_NEO = {
    "model_type": "gpt_neo",
    "vocab_size": 50257,
    "hidden_size": 2048,
    "num_layers": 24,
    "num_heads": 16,
    "attention_types": [[["global", "local"], 12]],
}
CASES = (
    Case(
        name="t0_cb.yaml",
        model=AutoModelForSeq2SeqLM,
        config=T0_3B,
        student={"num_layers": 6, "num_decoder_layers": 6},
        width=2048,
        heads=32,
        layers=12,
        batch=16,
        tokens=256,
        answer=3,
        finetuned=False,
    ),
    Case(
        name="gpt_neo_rte.yaml",
        model=AutoModelForCausalLM,
        config=GPT_NEO,
        student={"num_layers": 6, "attention_types": [[["global", "local"], 3]]},
        width=2048,
        heads=16,
        layers=6,
        batch=16,
        tokens=256,
        answer=2,
        finetuned=True,
    ),
)


def parameters(case: Case, changes: dict[str, Any]) -> int:
    """Number of weights, counted on a model without memory."""
    with torch.device("meta"):
        model = case.model.from_config(AutoConfig.for_model(**{**case.config, **changes}))
    return sum(weight.numel() for weight in model.parameters())


def estimate(case: Case) -> dict[str, float]:
    """The parts in GiB, and what training the teacher first takes."""
    whole = parameters(case, {})
    logits = 6 * 4.0 * case.batch * case.answer * case.config["vocab_size"]
    parts = {
        "teacher": 2.0 * whole,
        "student": 16.0 * parameters(case, case.student),
        "activations": activations(case, case.layers),
        "logits": logits,
    }
    found = {**parts, "total": sum(parts.values())}
    if case.finetuned:
        found["teacher's own training"] = 16.0 * whole + activations(case, case.config["num_layers"]) + logits
    return {name: size / GIB for name, size in found.items()}


def activations(case: Case, layers: int) -> float:
    """Bytes of a model's activations under gradient checkpointing."""
    numbers = case.batch * case.tokens * case.width
    return 4.0 * layers * numbers + numbers * (34 + 5 * case.heads * case.tokens / case.width)


def line(case: Case) -> str:
    """The parts in words, as the example's own comment has them."""
    return ", ".join(f"{name} {size:.2f}" for name, size in estimate(case).items()) + " GiB"


if __name__ == "__main__":
    for each in CASES:
        print(f"{each.name}: {line(each)}")  # noqa: T201
