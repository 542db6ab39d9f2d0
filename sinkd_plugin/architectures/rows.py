"""The rows of logits that belong to a generative model's answers, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from sinkd_plugin.choices import IGNORED

UNSEEN = ("index", "answers", "rows")
"""Entries of a batch that the model does not take."""


@contextmanager
def reading_answers(model: PreTrainedModel) -> Iterator[None]:
    """Let a model take batches with ``answers``, and give logits of their positions alone, ``(n, vocabulary)``.

    The head sees the hidden states of these positions only, so that no logits of prompts and padding are ever made:
    they would be most of what a large vocabulary takes.

    Args:
        model: Its forward pass then takes ``answers (batch, length)``, the target of each position or ``IGNORED``.
            Without ``answers`` it gives the logits of all positions, as ever.
    """
    answers: list[torch.Tensor] = []

    def before_model(_: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        answers.clear()
        if keywords.get("answers") is not None:
            answers.append(keywords["answers"])
        return arguments, {name: value for name, value in keywords.items() if name not in UNSEEN}

    def before_head(_: nn.Module, arguments: tuple[Any, ...]) -> Any:
        if not answers:
            return arguments
        hidden = arguments[0]
        return (hidden[(answers[0] != IGNORED).to(hidden.device)], *arguments[1:])

    handles = [
        model.register_forward_pre_hook(before_model, with_kwargs=True),
        model.get_output_embeddings().register_forward_pre_hook(before_head),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
