"""Options: one message with the path of every key that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.options import Options, validate


class Inner(Options):
    size: int = 1
    rate: float = 0.1


class Outer(Options):
    name: str = Field(min_length=1)
    inner: Inner = Inner()
    either: str | Inner = "a"
    pair: str | tuple[str, dict[str, Any]] = "a"
    several: tuple[Inner, ...] = ()
    some: tuple[float, ...] = Field((1.0,), min_length=1, max_length=2)
    kind: Literal["a", "b"] = "a"
    share: float = Field(0.5, le=1)
    folder: Path = Path()
    flag: bool = False


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, r"^The key 'top\.name' is required\.$"),
        (
            {"name": "x", "inner": {"sise": 2}},
            r"^Unknown key 'top\.inner\.sise'\. Did you mean 'size'\? Known here: rate",
        ),
        ({"name": "x", "several": [{}, {"sise": 2}]}, r"Unknown key 'top\.several\.1\.sise'\. Did you mean 'size'\?"),
        ({"name": "x", "inner": None}, r"^'top\.inner' must be a mapping of keys to values\. Received: None\.$"),
        ({"name": "x", "inner": {"size": "big"}}, r"^'top\.inner\.size' must be a whole number\. Received: 'big'\.$"),
        (
            {"name": "x", "inner": {"rate": float("nan")}},
            r"'top\.inner\.rate' must be a finite number\. Received: nan\.$",
        ),
        ({"name": "x", "either": {"sise": 2}}, r"^Unknown key 'top\.either\.sise'\. Did you mean 'size'\?[^\n]*$"),
        ({"name": "x", "either": 3}, r"^'top\.either' must be text or be a mapping of keys to values\. Received: 3\.$"),
        ({"name": "x", "pair": 3}, r"^'top\.pair' must be text or be a list\. Received: 3\.$"),
        ({"name": "x", "pair": ["x", 3]}, r"^'top\.pair\.1' must be a mapping of keys to values\. Received: 3\.$"),
        ({"name": "x", "pair": ["x"]}, r"^The key 'top\.pair\.1' is required\.$"),
        ({"name": "x", "some": []}, r"^'top\.some' must have 1 or more entries\. Received: \[\]\.$"),
        ({"name": "x", "some": [1, 2, 3]}, r"^'top\.some' must have 2 entries or fewer\. Received: \[1, 2, 3\]\.$"),
        ({"name": "x", "some": ["a"]}, r"^'top\.some\.0' must be a number\. Received: 'a'\.$"),
        ({"name": "x", "kind": "c"}, r"^'top\.kind' must be 'a' or 'b'\. Received: 'c'\.$"),
        ({"name": "x", "share": 2}, r"^'top\.share' must be less than or equal to 1\. Received: 2\.$"),
        ({"name": "x", "share": "maybe"}, r"^'top\.share' must be a number\. Received: 'maybe'\.$"),
        ({"name": "x", "folder": 3}, r"^'top\.folder' must be a path\. Received: 3\.$"),
        ({"name": ""}, r"^'top\.name' must have at least 1 character\. Received: ''\.$"),
        ({"name": "x", "flag": "maybe"}, r"^'top\.flag' must be true or false\. Received: 'maybe'\.$"),
        ({"name": 3, "inner": {"size": 1.5}}, r"'top\.name'.*\n'top\.inner\.size'"),
    ],
)
def test_messages_name_the_path_the_value_and_the_nearest_key(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validate(Outer, data, "top")


def test_the_top_needs_no_name() -> None:
    with pytest.raises(ConfigError, match=r"^Unknown key 'nam'\. Did you mean 'name'\?"):
        validate(Outer, {"name": "x", "nam": 1})


@pytest.mark.parametrize("data", [None, [1], "text"])
def test_what_is_no_mapping_is_refused(data: Any) -> None:
    with pytest.raises(ConfigError, match="must be a mapping of keys to values"):
        validate(Outer, data)


def test_options_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        validate(Outer, {"name": "x"}).name = "y"  # type: ignore[misc]
