"""A model under proof as it will be deployed: the runtime reads the texts, so that its score is the deployed one's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinkd_export.companions import add_companions
from sinkd_export.prompt import Prompt, open_prompt
from sinkd_export.runtime import WINDOW, Student
from sinkd_export.source import Source
from sinkd_export.tokens import open_tokens
from sinkd_export.trial import Text

BATCH = 32
"""Texts that ``Student.predict`` computes at once by default; in int8 the batch has a part in a score."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """How a deployed student reads texts.

    Args:
        student: The runtime's own, with no graph yet.
    """

    student: Student

    def predicted(self, model: Any, texts: Sequence[Text]) -> list[int]:
        """Numbers of the labels that ``Student.predict`` gives with a model in the place of the graph.

        Args:
            model: A ``Runner``.
            texts: Texts or pairs as they come.
        """
        student = replace(self.student, classifier=model)
        found: list[int] = []
        for first in range(0, len(texts), WINDOW):
            encodings = student.encode(texts[first : first + WINDOW], first=first)
            answers = student.classify(encodings, batch_size=BATCH)
            found += [student.labels.index(answer["label"]) for answer in answers]
        return found

    def inputs(self, texts: Sequence[Text]) -> dict[str, NDArray[np.int64]]:
        """One batch of what the graph is given for texts."""
        return self.student.tokens.padded(self.student.encode(texts))


def deployed(source: Source) -> Deployed:
    """The reading half of a student, opened from the files of its export, which hold no question where it generates.

    Args:
        source: The model.
    """
    ranking = source.ranking
    with TemporaryDirectory() as name:
        folder = Path(name)
        add_companions(source, folder)
        tokens = open_tokens(folder, as_trained=True)
        prompt = open_prompt(folder)
    if ranking is not None:
        prompt = Prompt(template=ranking.prompt.template, text=ranking.text)
    labels = source.labels if ranking is None else ranking.labels
    no_graph: Any = None
    return Deployed(student=Student(classifier=no_graph, tokens=tokens, labels=labels, prompt=prompt))
