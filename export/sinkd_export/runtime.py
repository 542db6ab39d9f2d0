"""Predict with an exported student: onnxruntime, tokenizers and numpy, and neither torch nor transformers.

Example:
    >>> from sinkd_export.runtime import Student
    >>> student = Student.load("exported")  # doctest: +SKIP
    >>> student.predict(["A warm and funny film."])  # doctest: +SKIP
    [{'label': 'positive', 'scores': {'negative': 0.02, 'positive': 0.98}}]
"""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from sinkd_export.batches import STRETCH, by_length
from sinkd_export.graph_file import graph_file
from sinkd_export.labels import read_labels
from sinkd_export.prompt import Prompt, open_prompt
from sinkd_export.session import Classifier, open_classifier
from sinkd_export.texts import Text, checked
from sinkd_export.tokens import Encoded, Item, Tokens, open_tokens
from sinkd_export.whole_numbers import at_least_one
from sinkd_plugin.errors import DataError, ModelReferenceError, UserError

__all__ = ["Prediction", "Student", "Text"]

logger = logging.getLogger(__name__)

INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})
"""What a classifier's graph may take; token types are left out where it has none."""

WINDOW = 1024
"""Texts that are sorted by length together; more of them hardly save more padding."""


class Prediction(TypedDict):
    """The most probable label, and the probability of each."""

    label: str
    scores: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Student:
    """An exported classifier; safe to share between threads.

    Args:
        classifier: The graph.
        tokens: Turns texts into ids, cut to a maximum.
        labels: Label names in the order of the logits.
        prompt: What a generative student is asked about its texts.
        stretch: How many times as long as its shortest the longest text of a batch may be.
    """

    classifier: Classifier
    tokens: Tokens
    labels: tuple[str, ...]
    prompt: Prompt | None = None
    stretch: float = STRETCH

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        file: str | Path | None = None,
        provider: str = "cpu",
        threads: int | None = None,
        max_length: int | None = None,
    ) -> Student:
        """Load what ``sinkd export`` wrote.

        Args:
            folder: The exported folder.
            file: Which of its graphs, such as ``onnx/model_quantized.onnx``; by default ``model.onnx``, at the root or
                in ``onnx/``, and without it ``model_quantized.onnx`` there.
            provider: ``cpu``, or another of onnxruntime's execution providers, such as ``cuda``.
            threads: Threads inside an operator; by default all that are available.
            max_length: Tokens that a text is cut to; by default those it was trained with (``sinkd.json``), or
                without a record of that, as many as the model takes.

        Raises:
            ModelReferenceError: If a file is missing or damaged, or the graph is no classifier of the labels.
            StorageError: If onnxruntime cannot load the model, or the provider does not start.
            UserError: If there is no such provider, ``file`` leads out of the folder, or ``threads`` or ``max_length``
                is no whole number or out of range.
        """
        if not isinstance(folder, (str, os.PathLike)):
            raise UserError("folder must be the path of an exported student.", received=repr(folder))
        path = Path(folder)
        graph = graph_file(path, file)
        classifier = open_classifier(graph, threads=threads, provider=provider)
        _refuse_generators(graph, classifier)
        return cls(
            classifier=classifier,
            tokens=open_tokens(path, max_length=max_length, as_trained=True),
            labels=_labels(path, classifier),
            prompt=open_prompt(path),
            # an accelerator computes padding almost for nothing, and pays for each call
            stretch=STRETCH if provider == "cpu" else math.inf,
        )

    def predict(self, texts: Sequence[Text], *, batch_size: int = 32, truncation: bool = True) -> list[Prediction]:
        """Label texts, or pairs of texts.

        Args:
            texts: Texts, or pairs.
            batch_size: Texts computed at once, taken in the order of their length so that little is padding.
            truncation: Cut what is beyond the maximum, with a line in the log that counts it; else refuse it.

        Returns:
            One prediction a text, in the order of ``texts``; nothing for nothing.

        Raises:
            DataError: If one is None, empty, nothing but invisible characters or no text, or too long and
                ``truncation`` is off.
            UserError: If ``batch_size`` is no whole number, or below 1, or ``truncation`` neither True nor False.
        """
        batch_size = at_least_one("batch_size", batch_size)
        _check_switch("truncation", truncation)
        items = list(checked(texts))  # all are checked before the first is computed
        return list(self._stream(iter(items), batch_size, WINDOW, truncation))

    def predict_stream(
        self, texts: Iterable[Text], *, batch_size: int = 32, window: int = WINDOW, truncation: bool = True
    ) -> Iterator[Prediction]:
        """Label texts as they come, in their order, and hold no more than ``window`` of them.

        Args:
            texts: Texts, or pairs; a generator is read only as far as needed.
            batch_size: Texts computed at once.
            window: Texts read before the first of them is labelled; ``1`` answers each at once.
            truncation: As for ``predict``.

        Returns:
            An iterator over one prediction a text.

        Raises:
            DataError: As ``predict``, when the window is read that holds the text.
            UserError: If ``batch_size`` or ``window`` is no whole number, or below 1, or ``truncation`` neither True
                nor False.
        """
        batch_size = at_least_one("batch_size", batch_size)
        _check_switch("truncation", truncation)
        window = min(at_least_one("window", window), sys.maxsize)  # islice takes no more
        return self._stream(checked(texts), batch_size, window, truncation)

    def _stream(self, items: Iterator[Item], batch_size: int, window: int, truncation: bool) -> Iterator[Prediction]:
        first = 0
        while held := list(islice(items, window)):
            encodings = self.encode(held, first=first)
            if truncation:
                self._log_long(encodings)
            else:
                self.refuse_long(encodings, first=first)
            yield from self.classify(encodings, batch_size=batch_size)
            first += len(held)

    def encode(self, items: Sequence[Item], *, first: int = 0) -> list[Encoded]:
        """Texts that ``sinkd_export.texts.checked`` let through, in ids.

        Args:
            items: Texts or pairs.
            first: Position of the first of them, for messages.

        Raises:
            DataError: If nothing of a text is left for the model to read, or the prompt needs another number of texts.
        """
        encodings = self.tokens.encode(items) if self.prompt is None else self._asked(self.prompt, items)
        for position, encoding in enumerate(encodings, start=first):
            if encoding.is_empty:
                raise DataError(
                    "A text must have a token at least.",
                    received=f"none at position {position}",
                    cure="Drop it or replace it by a text.",
                )
        return encodings

    def refuse_long(self, encodings: Sequence[Encoded], *, first: int = 0) -> None:
        """Accept no text that had to be cut.

        Raises:
            DataError: If there is one; ``first`` is the position of the first of them.
        """
        for position, encoding in enumerate(encodings, start=first):
            if encoding.is_cut:
                raise DataError(
                    f"A text must not be longer than {self.tokens.max_length} tokens.",
                    received=f"{encoding.length} at position {position}",
                    cure="Shorten it, or leave truncation on.",
                )

    def classify(self, encodings: Sequence[Encoded], *, batch_size: int) -> list[Prediction]:
        """Label them in batches of about one length, so that little is padding; answer in their order."""
        lengths = [len(encoding.ids) for encoding in encodings]
        found: dict[int, Prediction] = {}
        for batch in by_length(lengths, batch_size=batch_size, stretch=self.stretch):
            logits = self.classifier(self.tokens.padded([encodings[index] for index in batch]))
            _check_count(self.labels, logits.shape[1])  # a graph need not tell it beforehand
            found.update(zip(batch, map(self._prediction, _softmax(logits)), strict=True))
        return [found[index] for index in range(len(encodings))]

    def _asked(self, prompt: Prompt, items: Sequence[Item]) -> list[Encoded]:
        questions = [prompt.ask(item, self.tokens) for item in items]
        encodings = self.tokens.encode([question for question, _ in questions])
        cuts = (cut for _, cut in questions)
        return [replace(found, length=found.length + cut) for found, cut in zip(encodings, cuts, strict=True)]

    def _log_long(self, encodings: Sequence[Encoded]) -> None:
        cut = sum(encoding.is_cut for encoding in encodings)
        if cut:
            logger.warning("%d of %d texts were cut to %d tokens", cut, len(encodings), self.tokens.max_length)

    def _prediction(self, probabilities: NDArray[np.float64]) -> Prediction:
        scores = {name: float(value) for name, value in zip(self.labels, probabilities, strict=True)}
        return {"label": self.labels[int(probabilities.argmax())], "scores": scores}


def _check_switch(name: str, value: object) -> None:
    if not isinstance(value, bool):  # "no" and "false" would count as true
        raise UserError(f"{name} must be True or False.", received=repr(value))


def _refuse_generators(graph: Path, classifier: Classifier) -> None:
    others = sorted(set(classifier.input_names) - INPUTS)
    if others:
        raise ModelReferenceError(
            f"A student that labels texts takes {', '.join(sorted(INPUTS))} and nothing else.",
            received=f"'{graph}', which takes {', '.join(others[:3])}{', …' if len(others) > 3 else ''}",
            cure="Export a classifier.",
        )


def _labels(folder: Path, classifier: Classifier) -> tuple[str, ...]:
    labels = read_labels(folder)
    if classifier.label_count is not None:
        _check_count(labels, classifier.label_count)
    return labels


def _check_count(labels: Sequence[str], count: int) -> None:
    if count != len(labels):
        raise ModelReferenceError(
            "config.json must name every label of the graph in id2label.",
            received=f"{', '.join(labels)} for {count} logits",
            cure="Export the model again.",
        )


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    probabilities: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities
