"""What a run's models are asked, from its task and configuration."""

from __future__ import annotations

from functools import partial

from sinkd_plugin.specs import ArchitectureSpec, Prompt, Question, TaskSpec
from sinkd_plugin.tasks.options import DataOptions, PromptOptions
from sinkd_plugin.tasks.prompts import asked, resolve_prompt
from sinkd_plugin.training.model_options import ReadoutOptions


def prompt_for(family: ArchitectureSpec, task: TaskSpec, option: str | PromptOptions | None) -> Prompt | None:
    """The prompt that models of a family are asked with; ``None`` for those that take texts as they are.

    Errors as ``resolve_prompt``.
    """
    return resolve_prompt(task, option) if family.prompted else None


def question_of(task: TaskSpec, prompt: Prompt | None, data: DataOptions, readout: ReadoutOptions) -> Question:
    """The question about each example of a task.

    Args:
        task: The task.
        prompt: What ``prompt_for`` found.
        data: The limits of lengths.
        readout: How generative models are read.
    """
    return Question(
        text=task.text,
        labels=task.labels,
        max_length=data.max_length,
        ask=partial(asked, prompt) if prompt else None,
        answers=prompt.verbalisers if prompt else (),
        target="target" if task.kind == "generation" else None,
        max_target_length=data.max_target_length,
        rows=readout.rows,
        length_normalised=readout.length_normalised,
    )
