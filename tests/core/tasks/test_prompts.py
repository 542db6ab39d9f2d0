"""Prompts: which one is taken, what does not fit is said, and examples come out as they went in."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkd_plugin.errors import ConfigError, UnknownNameError
from sinkd_plugin.specs import Prompt, TaskSpec
from sinkd_plugin.tasks.options import PromptOptions
from sinkd_plugin.tasks.prompts import asked, resolve_prompt
from sinkd_plugin.tasks.specs import task_specs

FIRST = Prompt(name="first", template="{premise} So: {hypothesis}?", verbalisers=("yes", "no"))
SECOND = Prompt(name="second", template="{hypothesis}, given {premise}?", verbalisers=("true", "false"))


def task(*prompts: Prompt, text: tuple[str, ...] = ("premise", "hypothesis"), kind: Any = "classification") -> TaskSpec:
    def none_to_read(_: object) -> Any:
        raise NotImplementedError

    labels = () if kind == "generation" else ("entailment", "not_entailment")
    return TaskSpec(
        name="acme/t", summary=".", text=text, labels=labels, metric="f1", load=none_to_read, prompts=prompts, kind=kind
    )


def own(template: str = "{premise} {hypothesis}?", *verbalisers: str) -> PromptOptions:
    return PromptOptions(template=template, verbalisers=verbalisers or ("yes", "no"))


@pytest.mark.parametrize(("option", "found"), [(None, FIRST), ("first", FIRST), ("second", SECOND)])
def test_a_prompt_is_chosen_by_its_name_and_the_first_is_the_default(option: str | None, found: Prompt) -> None:
    assert resolve_prompt(task(FIRST, SECOND), option) == found


def test_a_prompt_of_the_configuration_goes_before_the_tasks_own() -> None:
    for spec in (task(), task(FIRST)):
        found = resolve_prompt(spec, own("{hypothesis}?", "ja", "nein"))
        assert (found.template, found.verbalisers) == ("{hypothesis}?", ("ja", "nein"))


def test_an_unknown_name_suggests_the_nearest_and_shows_how_to_give_ones_own() -> None:
    message = r"No prompt of the task 'acme/t' is called 'frist'\. Did you mean 'first'\?.*\{premise\} \{hypothesis\} …"
    with pytest.raises(UnknownNameError, match=message):
        resolve_prompt(task(FIRST, SECOND), "frist")


@pytest.mark.parametrize("option", [None, "first"])
def test_a_task_without_prompts_says_how_to_give_one(option: str | None) -> None:
    message = r'brings none.*prompt: \{template: "\{premise\} \{hypothesis\} …", verbalisers: \["entailment", "not_ent'
    with pytest.raises(ConfigError, match=message):
        resolve_prompt(task(), option)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            own("{premis}?"),
            r"each field must be a text column.*'\{premis\}'\. Did you mean \{premise\}\?.*\{hypothesis\}",
        ),
        (own("{label}?"), r"each field must be a text column.*'\{label\}'\. The columns of 'acme/t': \{premise\}, "),
        (own("{premise.upper}?"), r"'\{premise.upper\}'"),
        (own("{premise!r}?"), r"'\{premise!r\}'"),
        (own("{premise:>9}?"), r"'\{premise:>9\}'"),
        (own("{}?"), r"each field must be a text column"),
        (own("True or false?"), r"must hold a text column of the task in braces.*\{premise\}, \{hypothesis\}"),
        (own("{{premise}}?"), r"must hold a text column of the task in braces"),
        (own("{premise"), r"must have a closing brace for each opening one.*Write \{\{ and \}\}"),
        (own("{premise}", "yes"), r"one for each of the 2 labels.*\['yes'\].*entailment, not_entailment"),
        (own("{premise}", "yes", "no", "maybe"), r"one for each of the 2 labels"),
        (own("{premise}", "yes", " yes"), r"must be different words, none of them empty.*' yes'"),
        (own("{premise}", "yes", " "), r"must be different words, none of them empty"),
    ],
)
def test_a_prompt_that_does_not_fit_its_task_is_refused(option: PromptOptions, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve_prompt(task(FIRST), option)


def test_texts_to_be_written_need_no_prompt_but_may_have_one_without_verbalisers() -> None:
    spec = task(kind="generation")
    texts = {"premise": "one", "hypothesis": "two"}
    assert asked(resolve_prompt(spec, None), texts) == "one\ntwo\n"
    assert asked(resolve_prompt(spec, PromptOptions(template="Shorter: {premise}")), texts) == "Shorter: one"
    with pytest.raises(ConfigError, match=r"'prompt.verbalisers' stand for labels, and this task has none"):
        resolve_prompt(spec, own())
    with pytest.raises(
        ConfigError, match=r'brings none.*Give one: prompt: \{template: "\{premise\} \{hypothesis\} …"\}'
    ):
        resolve_prompt(spec, "first")


def test_a_number_cannot_be_answered_with_words() -> None:
    with pytest.raises(ConfigError, match=r"answers with words, not with numbers.*Choose an encoder"):
        resolve_prompt(task(kind="regression"), own())


def test_a_third_partys_prompt_is_held_to_the_same_rules() -> None:
    wrong = Prompt(name="wrong", template="{text}", verbalisers=("yes", "no"))
    with pytest.raises(ConfigError, match=r"'\{text\}'"):
        resolve_prompt(task(wrong), None)


CLASSIFIED = [spec for spec in task_specs() if spec.kind == "classification"]


@pytest.mark.parametrize("spec", CLASSIFIED, ids=lambda spec: spec.name)
def test_each_task_brings_several_prompts_that_fit_and_use_all_of_its_texts(spec: TaskSpec) -> None:
    names = [prompt.name for prompt in spec.prompts]
    assert len(set(names)) == len(names) >= 2
    texts = {column: f"<{column}>" for column in spec.text}
    for name in names:
        question = asked(resolve_prompt(spec, name), texts)
        assert all(text in question for text in texts.values())


@settings(deadline=None)
@given(st.text(), st.text())
def test_texts_stand_in_the_question_as_they_are(premise: str, hypothesis: str) -> None:
    question = asked(FIRST, {"premise": premise, "hypothesis": hypothesis})
    assert question == premise + " So: " + hypothesis + "?"


def test_braces_and_columns_of_any_name_can_be_written() -> None:
    spec = task(text=("#1 String", "a.b[0]"))
    found = resolve_prompt(spec, own("{{ {#1 String} }} {a.b[0]}"))
    assert asked(found, {"#1 String": "one", "a.b[0]": "two"}) == "{ one } two"
