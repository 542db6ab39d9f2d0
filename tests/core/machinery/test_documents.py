"""Configuration text: what is said twice is refused, and words stay words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkd_plugin.documents import parse_json, parse_yaml
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.textbrewer.configuration import DistillationConfig
from sinkd_plugin.training.config import load_config

Parse = Callable[[str, str], Any]


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_yaml, "optimizer: {epochs: 3}\ntask: a\noptimizer: {batch_size: 8}\n"),
        (parse_yaml, "task: a\noptimizer:\n  epochs: 1\n  optimizer: 2\n  epochs: 2\n"),
        (parse_yaml, "- {a: 1, 'a': 2}"),
        (parse_json, '{"a": 1, "b": {"a": 2}, "a": 3}'),
        (parse_json, '[{"a": 1, "a": 1}]'),
    ],
)
def test_a_key_that_stands_twice_is_refused(parse: Parse, text: str) -> None:
    with pytest.raises(ConfigError, match=r"'run.yaml' must be valid .*the key '\w+' stands twice"):
        parse(text, "run.yaml")


def test_the_lines_of_both_keys_are_named() -> None:
    with pytest.raises(ConfigError, match=r"first in line 1.*line 3"):
        parse_yaml("task: a\nseed: 1\ntask: b\n", "run.yaml")


def test_one_key_in_several_mappings_and_over_a_merge_is_fine() -> None:
    assert parse_yaml("a: {x: 1}\nb: {x: 2}", ".") == {"a": {"x": 1}, "b": {"x": 2}}
    assert parse_yaml("base: &base {x: 1, y: 2}\nb: {<<: *base, x: 3}", ".")["b"] == {"x": 3, "y": 2}


def test_yes_and_no_are_words_and_true_and_false_are_not() -> None:
    words = parse_yaml("[yes, No, ON, off, y, n]", ".")
    assert words == ["yes", "No", "ON", "off", "y", "n"]
    assert parse_yaml("[true, False, null, 1, 1.5, 1.0e-5]", ".") == [True, False, None, 1, 1.5, 1e-5]


@pytest.mark.parametrize(
    ("parse", "text"), [(parse_yaml, "a: ["), (parse_yaml, "!!python/name:os.system"), (parse_json, "{")]
)
def test_text_that_is_neither_is_refused(parse: Parse, text: str) -> None:
    with pytest.raises(ConfigError, match=r"'here' must be valid (YAML|JSON)"):
        parse(text, "here")


WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(PLAIN)
def test_what_a_run_writes_is_read_as_it_was(data: Any) -> None:
    assert parse_yaml(yaml.safe_dump(data, allow_unicode=True), ".") == data


@pytest.mark.parametrize(("name", "text"), [("run.yaml", "task: a\ntask: b\n"), ("run.json", '{"task": 1, "task": 2}')])
def test_a_run_and_a_distillation_configuration_are_read_this_way(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="'task' stands twice"):
        load_config(path)
    read = DistillationConfig.from_json_file if name.endswith("json") else DistillationConfig.from_yaml_file
    with pytest.raises(ConfigError, match="'task' stands twice"):
        read(path)
