"""A batch of texts to predictions, in the thread that computes."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sinkd_export.runtime import Prediction, Student
from sinkd_export.serve.metrics import Metrics
from sinkd_export.tokens import Encoded


class Labeller:
    """Labels batches with a student, and measures them."""

    def __init__(self, student: Student, metrics: Metrics) -> None:
        self._student = student
        self._metrics = metrics

    def __call__(self, texts: Sequence[Encoded]) -> list[Prediction | Exception]:
        """Label all of them together; where that fails, each alone, so that one cannot spoil the others."""
        started = time.perf_counter()
        try:
            predictions = self._student.classify(texts, batch_size=len(texts))
        except Exception as error:  # whatever onnxruntime raises belongs to one of the texts
            return [error] if len(texts) == 1 else [answer for text in texts for answer in self([text])]
        self._metrics.batch_texts.observe(len(texts))
        self._metrics.batch_seconds.observe(time.perf_counter() - started)
        return [*predictions]
