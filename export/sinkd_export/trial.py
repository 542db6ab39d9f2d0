"""A task's labelled examples: what a form of a model is scored on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sinkd_plugin.errors import ModelReferenceError
from sinkd_plugin.specs import TaskSpec

if TYPE_CHECKING:
    from sinkd_plugin.tasks.load import LoadedTask

Text: TypeAlias = "str | tuple[str, str]"

SPLIT = "validation"
CALIBRATION = 128
"""Texts of the training split that static ranges are found on."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The examples of a task.

    Args:
        spec: The task.
        texts: Texts or pairs of the validation split.
        labels: Their labels.
        calibration: Texts of the training split.
    """

    spec: TaskSpec
    texts: tuple[Text, ...]
    labels: tuple[int, ...]
    calibration: tuple[Text, ...]

    @property
    def task(self) -> str:
        """Its name."""
        return self.spec.name

    @property
    def metric(self) -> str:
        """Its headline metric; more is better."""
        return self.spec.metric

    @property
    def label_names(self) -> tuple[str, ...]:
        """Its labels in the order of their numbers."""
        return tuple(self.spec.labels)

    def score(self, predictions: Sequence[int]) -> float:
        """The headline metric of predicted labels."""
        from sinkd_plugin.tasks.metrics import point_scores

        return point_scores(list(self.labels), list(predictions), len(self.label_names))[self.metric]

    def check_labels(self, reference: str, labels: Sequence[str]) -> None:
        """Check that a classifier's labels are those of the task.

        Raises:
            ModelReferenceError: If there are more or fewer, or the same in another order.
        """
        own, named = [name.lower() for name in labels], [name.lower() for name in self.label_names]
        if len(own) != len(named) or (own != named and sorted(own) == sorted(named)):
            raise ModelReferenceError(
                f"A model that is scored on '{self.task}' must have its labels: {', '.join(self.label_names)}.",
                received=f"'{reference}' with {', '.join(labels)}",
                cure="Choose another --task, or --texts to do without a score.",
            )


def trial_of(loaded: LoadedTask) -> Trial | None:
    """The examples of a loaded task; none of one without labels, whose answers are texts or numbers."""
    if loaded.spec.kind != "classification":
        return None
    return Trial(
        spec=loaded.spec,
        texts=texts_of(loaded, SPLIT),
        labels=tuple(loaded.labels(SPLIT)),
        calibration=evenly(texts_of(loaded, "train"), CALIBRATION),
    )


def texts_of(loaded: LoadedTask, split: str) -> tuple[Text, ...]:
    """Texts, or pairs of texts, of a split."""
    return tuple(row[0] if len(row) == 1 else (row[0], row[1]) for row in loaded.text(split))


def evenly(texts: Sequence[Text], most: int) -> tuple[Text, ...]:
    """At most ``most`` of the texts, spread over all of them."""
    step = max(1, -(-len(texts) // most))
    return tuple(texts[::step])
