"""What a run's models are asked, from its task and configuration."""

from __future__ import annotations

from sinkd_plugin.specs import Question, TaskSpec


def question_of(spec: TaskSpec, *, max_length: int) -> Question:
    """The texts and labels of a task, as models are asked about them."""
    return Question(text=spec.text, labels=spec.labels, max_length=max_length)
