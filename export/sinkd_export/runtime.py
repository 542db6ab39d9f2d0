"""Predict with an exported student: onnxruntime, tokenizers and numpy, and neither torch nor transformers.

Example:
    >>> from sinkd_export.runtime import Student
    >>> student = Student.load("exported")  # doctest: +SKIP
    >>> student.predict(["A warm and funny film."])  # doctest: +SKIP
    [{'label': 'positive', 'scores': {'negative': 0.02, 'positive': 0.98}}]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from sinkd_export.session import Classifier, open_classifier
from sinkd_export.tokens import Item, Tokens, open_tokens, read_settings
from sinkd_plugin.errors import DataError, ModelReferenceError, UserError

Text: TypeAlias = "str | tuple[str, str] | list[str]"

NEEDED = ("model.onnx", "tokenizer.json", "tokenizer_config.json", "config.json")
"""Files of a folder that can be run."""


class Prediction(TypedDict):
    """The most probable label, and the probability of each."""

    label: str
    scores: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Student:
    """An exported classifier; safe to share between threads.

    Args:
        classifier: The graph.
        tokens: Turns texts into ids, cut to the model's maximum.
        labels: Label names in the order of the logits.
    """

    classifier: Classifier
    tokens: Tokens
    labels: tuple[str, ...]

    @classmethod
    def load(cls, folder: str | Path, *, threads: int | None = None) -> Student:
        """Load what ``sinkd export`` wrote.

        Args:
            folder: The exported folder.
            threads: Threads inside an operator; by default all that are available.

        Raises:
            ModelReferenceError: If a file is missing or damaged.
            StorageError: If onnxruntime cannot load the model.
        """
        path = Path(folder)
        _require_files(path)
        labels = {int(index): name for index, name in read_settings(path / "config.json").get("id2label", {}).items()}
        return cls(
            classifier=open_classifier(path / "model.onnx", threads=threads),
            tokens=open_tokens(path),
            labels=tuple(labels[index] for index in sorted(labels)),
        )

    def predict(self, texts: Sequence[Text], *, batch_size: int = 32) -> list[Prediction]:
        """Label texts, or pairs of texts.

        Args:
            texts: Texts, or pairs; a text beyond the model's maximum is cut.
            batch_size: Texts computed at once, taken in the order of their length so that little is padding.

        Returns:
            One prediction a text, in the order of ``texts``; nothing for nothing.

        Raises:
            DataError: If one is None, empty or no text.
            UserError: If ``batch_size`` is below 1.
        """
        if batch_size < 1:
            raise UserError("batch_size must be at least 1.", received=batch_size)
        encodings = self.tokens.encode(_checked(texts))
        predictions: list[Prediction | None] = [None] * len(encodings)
        for indices in _by_length(encodings, batch_size):
            logits = self.classifier(self.tokens.padded([encodings[index] for index in indices]))
            for index, probabilities in zip(indices, _softmax(logits), strict=True):
                predictions[index] = self._prediction(probabilities)
        return [prediction for prediction in predictions if prediction is not None]

    def _prediction(self, probabilities: NDArray[np.float64]) -> Prediction:
        scores = {name: float(value) for name, value in zip(self.labels, probabilities, strict=True)}
        return {"label": self.labels[int(probabilities.argmax())], "scores": scores}


def _require_files(folder: Path) -> None:
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise ModelReferenceError(
            f"An exported student must hold {', '.join(NEEDED)}.",
            received=f"'{folder}' without {', '.join(missing)}",
            cure="Make one with `sinkd export MODEL --to DIR`.",
        )


def _checked(texts: Sequence[Text]) -> list[Item]:
    if isinstance(texts, str):
        raise DataError("predict takes a list of texts.", received=repr(texts), cure="Put the text into a list.")
    return [_checked_item(index, item) for index, item in enumerate(texts)]


def _checked_item(index: int, item: object) -> Item:
    if isinstance(item, (tuple, list)) and len(item) == 2:
        return _checked_text(index, item[0]), _checked_text(index, item[1])
    return _checked_text(index, item)


def _checked_text(index: int, text: object) -> str:
    if not isinstance(text, str):
        raise DataError(
            "Each item must be a text or a pair of texts.",
            received=f"{type(text).__name__} at position {index}",
            cure="Drop it or replace it by a text.",
        )
    if not text.strip():
        raise DataError(
            "A text must not be empty.",
            received=f"{text!r} at position {index}",
            cure="Drop it or replace it by a text.",
        )
    if not _is_unicode(text):
        raise DataError(
            "A text must be valid Unicode.",
            received=f"half a surrogate pair at position {index}",
            cure="Read it with the right encoding.",
        )
    return text


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _by_length(encodings: Sequence[Encoding], batch_size: int) -> Iterator[list[int]]:
    order = sorted(range(len(encodings)), key=lambda index: len(encodings[index].ids))
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    probabilities: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities
