"""Prompts: which one a run uses, whether it fits its task, and an example written into it."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter

from sinkd_plugin.errors import ConfigError, nearest, unknown_name
from sinkd_plugin.specs import Prompt, TaskSpec
from sinkd_plugin.tasks.options import PromptOptions

OWN = "own"
"""Name of a prompt that stands in the configuration itself."""

PLAIN = "plain"
"""Name of the prompt that adds nothing to an example's texts."""


def resolve_prompt(spec: TaskSpec, option: str | PromptOptions | None) -> Prompt:
    """The prompt that a generative model is asked with.

    Args:
        spec: The task.
        option: The key ``prompt`` of a run: a name, a template with verbalisers, or ``None`` for the task's first. A
            generation task without prompts has its texts as they are, each in a line of its own.

    Raises:
        UnknownNameError: If the task has no prompt of this name.
        ConfigError: If there is none to take, or it does not fit the task: a field that is no text column, no field at
            all, or verbalisers that are not one a label, not empty, and different.
    """
    if spec.kind == "regression":
        raise ConfigError(
            "A generative model answers with words, not with numbers.",
            received=f"the regression task '{spec.name}'",
            cure="Choose an encoder, such as BERT.",
        )
    if isinstance(option, PromptOptions):
        return _checked(spec, Prompt(name=OWN, template=option.template, verbalisers=option.verbalisers))
    if option is None and not spec.prompts and spec.kind == "generation":
        return Prompt(name=PLAIN, template="".join(f"{{{column}}}\n" for column in spec.text), verbalisers=())
    if not spec.prompts:
        raise _no_prompt(spec, option)
    named = {prompt.name: prompt for prompt in spec.prompts}
    if option is not None and option not in named:
        raise unknown_name(f"prompt of the task '{spec.name}'", option, named, f"Or give your own: {_own(spec)}")
    return _checked(spec, spec.prompts[0] if option is None else named[option])


def asked(prompt: Prompt, texts: Mapping[str, str]) -> str:
    """The question about one example.

    Args:
        prompt: A prompt that fits the task.
        texts: The example's texts by column.

    Example:
        >>> asked(Prompt(name="p", template="{text} Good?", verbalisers=("no", "yes")), {"text": "Fine {acting}."})
        'Fine {acting}. Good?'
    """
    return "".join(f"{literal}{texts[field] if field else ''}" for literal, field in _parts(prompt.template))


def _checked(spec: TaskSpec, prompt: Prompt) -> Prompt:
    fields = _fields(prompt)
    if not fields:
        raise ConfigError(
            "'prompt.template' must hold a text column of the task in braces.",
            received=f"'{prompt.template}'",
            cure=f"The columns of '{spec.name}': {_braced(spec)}.",
        )
    for field in fields:
        if field not in spec.text:
            guess = nearest(field, spec.text)
            raise ConfigError(
                "'prompt.template': each field must be a text column of the task.",
                received=f"'{{{field}}}'",
                cure=f"{f'Did you mean {{{guess}}}? ' if guess else ''}The columns of '{spec.name}': {_braced(spec)}. "
                "Double braces stand for braces.",
            )
    _check_verbalisers(spec, prompt)
    return prompt


def _check_verbalisers(spec: TaskSpec, prompt: Prompt) -> None:
    words = [word.strip() for word in prompt.verbalisers]
    received = list(prompt.verbalisers)
    if spec.kind == "generation" and received:
        raise ConfigError(
            "'prompt.verbalisers' stand for labels, and this task has none.",
            received=received,
            cure="Leave them out: the answer is the text itself.",
        )
    if len(words) != len(spec.labels):
        raise ConfigError(
            f"'prompt.verbalisers' must be one for each of the {len(spec.labels)} labels of '{spec.name}'.",
            received=received,
            cure=f"In this order: {', '.join(spec.labels)}.",
        )
    if not all(words) or len(set(words)) < len(words):
        raise ConfigError("'prompt.verbalisers' must be different words, none of them empty.", received=received)


def _fields(prompt: Prompt) -> list[str]:
    return [field for _, field in _parts(prompt.template) if field is not None]


def _parts(template: str) -> list[tuple[str, str | None]]:
    """Literal text, and the field behind it where there is one."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ConfigError(
            "'prompt.template' must have a closing brace for each opening one.",
            received=f"'{template}' ({error})",
            cure="Write {{ and }} for braces that stand for themselves.",
        ) from error
    return [(literal, _whole(field, conversion, form)) for literal, field, form, conversion in parts]


def _whole(field: str | None, conversion: str | None, form: str | None) -> str | None:
    """A field as it was written: columns may have any name, and nothing is formatted."""
    if field is None:
        return None
    return f"{field}{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}"


def _no_prompt(spec: TaskSpec, option: str | None) -> ConfigError:
    return ConfigError(
        f"A generative model needs a prompt, and the task '{spec.name}' brings none.",
        received=f"prompt: {option or 'null'}",
        cure=f"Give one: {_own(spec)}",
    )


def _own(spec: TaskSpec) -> str:
    template = f'template: "{" ".join(f"{{{column}}}" for column in spec.text)} …"'
    verbalisers = ", ".join(f'"{label}"' for label in spec.labels)
    return f"prompt: {{{template}, verbalisers: [{verbalisers}]}}" if verbalisers else f"prompt: {{{template}}}"


def _braced(spec: TaskSpec) -> str:
    return ", ".join(f"{{{column}}}" for column in spec.text)
