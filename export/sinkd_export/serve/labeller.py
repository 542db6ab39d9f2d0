"""A batch of questions to answers, in the thread that computes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sinkd_export.runtime import Prediction, Student
from sinkd_export.serve.metrics import Metrics
from sinkd_export.serve.question import Question
from sinkd_export.tokens import Encoded
from sinkd_plugin.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The predictions of one question, and the positions of the texts that were cut."""

    predictions: Sequence[Prediction]
    truncated: Sequence[int]


class Labeller:
    """Answers questions with a student, as many texts at once as allowed."""

    def __init__(self, student: Student, metrics: Metrics, *, max_batch: int) -> None:
        self._student = student
        self._metrics = metrics
        self._max_batch = max_batch

    def __call__(self, questions: Sequence[Question]) -> list[Answer | Exception]:
        """One answer a question, or the error in its place."""
        encoded = [self._encoded(question) for question in questions]
        answers = iter(self._answers_or_errors([found for found in encoded if not isinstance(found, Exception)]))
        return [found if isinstance(found, Exception) else next(answers) for found in encoded]

    def _encoded(self, question: Question) -> list[Encoded] | Exception:
        try:
            encoded = self._student.encode(question.items)
            if not question.truncation:
                self._student.refuse_long(encoded)
        except DataError as error:
            return error
        return encoded

    def _answers_or_errors(self, questions: Sequence[Sequence[Encoded]]) -> list[Answer | Exception]:
        """All of them together; where that fails, each alone, so that one cannot spoil the others."""
        try:
            return [*self._answers(questions)] if questions else []
        except Exception as error:  # whatever onnxruntime raises belongs to one of the questions
            if len(questions) == 1:
                return [error]
            return [answer for question in questions for answer in self._answers_or_errors([question])]

    def _answers(self, questions: Sequence[Sequence[Encoded]]) -> list[Answer]:
        started = time.perf_counter()
        together = [encoded for question in questions for encoded in question]
        predictions = iter(self._student.classify(together, batch_size=self._max_batch))
        self._metrics.batch_texts.observe(len(together))
        self._metrics.batch_seconds.observe(time.perf_counter() - started)
        return [
            Answer(
                predictions=[next(predictions) for _ in question],
                truncated=[position for position, encoded in enumerate(question) if encoded.is_cut],
            )
            for question in questions
        ]
