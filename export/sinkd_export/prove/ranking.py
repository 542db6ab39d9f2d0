"""A model that generates, asked for labels: its answers ranked by their log-probability, as training ranks them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sinkd_export.asking import Asked
from sinkd_export.families import Family
from sinkd_export.language_model import LanguageModel

TOKENS = 2048
"""Most tokens in one call: each gives a row of the whole vocabulary."""


class RankedModel:
    """Ids of questions to scores of labels ``(batch, labels)``, from next-token logits alone.

    Args:
        model: In PyTorch or in onnxruntime.
        family: Its family.
        asked: What it may answer.
    """

    def __init__(self, model: LanguageModel, family: Family, asked: Asked) -> None:
        from sinkd_plugin.choices import Choices

        self._model, self._start = model, asked.start
        self._seq2seq = family == "encoder_decoder"
        self._choices = Choices(asked.answers, length_normalised=asked.length_normalised)

    def __call__(self, inputs: Mapping[str, NDArray[np.int64]], /) -> NDArray[np.float32]:
        """Score the labels of questions padded on the right."""
        rows, length = inputs["input_ids"].shape
        step = max(1, TOKENS // (length * self._choices.beginnings))
        parts = [
            self._scores({name: values[start : start + step] for name, values in inputs.items()})
            for start in range(0, rows, step)
        ]
        return np.concatenate(parts)

    def _scores(self, inputs: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        import torch

        examples = len(inputs["input_ids"])
        logits = self._after_start(inputs) if self._seq2seq else self._after_question(inputs)
        scores = self._choices.scores(torch.from_numpy(logits).reshape(examples, -1, logits.shape[-1]))
        found: NDArray[np.float32] = scores.numpy()
        return found

    def _after_start(self, inputs: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        written, reads = self._sequences([list(self._start)] * len(inputs["input_ids"]))
        each = {name: np.repeat(values, self._choices.beginnings, axis=0) for name, values in inputs.items()}
        return self._model.logits(each, written)[reads.reshape(-1)]

    def _after_question(self, inputs: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        masks = inputs["attention_mask"].astype(bool)
        questions = [ids[mask].tolist() for ids, mask in zip(inputs["input_ids"], masks, strict=True)]
        written, reads = self._sequences(questions)
        kept = np.flip(np.flip(reads, 1).cumsum(1), 1) > 0  # nothing stands behind the last token that is read
        feed = {"input_ids": written, "attention_mask": kept.astype(np.int64)}
        return self._model.logits(feed, written)[reads[kept]]

    def _sequences(self, prefixes: list[list[int]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Each prefix with each beginning of an answer behind it, and where these are read."""
        from sinkd_plugin.choices import IGNORED

        written, reads = self._choices.asked(prefixes, 0)
        return written.numpy(), (reads != IGNORED).numpy()
