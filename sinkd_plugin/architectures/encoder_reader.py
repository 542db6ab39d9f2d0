"""How encoders with a classification head are asked and read out: one row of logits an example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from datasets import Dataset
from torch import nn
from transformers import DataCollatorWithPadding, PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin.specs import Question

_MODEL_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class EncoderReader:
    """Texts as they are in, ``(batch, classes)`` out.

    Args:
        tokenizer: The model's.
        question: What it is asked.
    """

    forward_arguments: Mapping[str, Any] = {}

    def __init__(self, tokenizer: PreTrainedTokenizerBase, question: Question) -> None:
        self.columns: Sequence[str] = question.labels
        self._tokenizer = tokenizer
        self._question = question
        self._pad = DataCollatorWithPadding(tokenizer)

    def encode(self, split: Dataset) -> Dataset:
        """The texts of each example in tokens, a pair in one sequence."""
        limit = min(self._question.max_length, self._tokenizer.model_max_length)
        texts = (list(split[column][:]) for column in self._question.text)
        encoded = self._tokenizer(*texts, truncation=True, max_length=limit)
        columns = {name: encoded[name] for name in _MODEL_INPUTS if name in encoded}
        lengths = [len(ids) for ids in encoded["input_ids"]]
        numbers = {"label": list(split["label"][:]), "index": list(range(len(split))), "length": lengths}
        return Dataset.from_dict({**columns, **numbers})

    def collate(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """The examples padded to their longest, with ``labels``."""
        kept = (*_MODEL_INPUTS, "label", "index")
        batch = self._pad([{name: example[name] for name in kept if name in example} for example in examples])
        return dict(batch)

    @contextmanager
    def attached(self, model: PreTrainedModel) -> Iterator[None]:
        """The model leaves ``index`` alone."""
        handle = model.register_forward_pre_hook(_without_index, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    def adaptor(self, batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        """TextBrewer's adaptor: what the losses may look at, by TextBrewer's names."""
        found = {
            "logits": outputs["logits"],
            "losses": outputs.get("loss"),
            "hidden": outputs.get("hidden_states"),
            "attention": outputs.get("attentions"),
            "labels": batch.get("labels"),
            "inputs_mask": batch.get("attention_mask"),
        }
        return {name: value for name, value in found.items() if value is not None}

    def row_counts(self, examples: Dataset) -> Sequence[int]:
        """One row an example."""
        return [1] * len(examples)

    def class_scores(self, model: PreTrainedModel, examples: Sequence[Mapping[str, Any]]) -> torch.Tensor:
        """The logits ``(examples, classes)``."""
        batch = self.collate(examples)
        inputs = {name: batch[name].to(model.device) for name in _MODEL_INPUTS if name in batch}
        logits: torch.Tensor = model(**inputs).logits
        return logits


def _without_index(_: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    return arguments, {name: value for name, value in keywords.items() if name != "index"}
