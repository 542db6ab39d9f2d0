"""Options: one message with the path of every key that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.options import Options, validate


class Inner(Options):
    size: int = 1
    rate: float = 0.1


class Outer(Options):
    name: str
    inner: Inner = Inner()
    either: str | Inner = "a"
    pair: str | tuple[str, dict[str, Any]] = "a"
    several: tuple[Inner, ...] = ()


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
        ({"name": "x", "inner": {"size": "big"}}, r"^'top\.inner\.size': .*Received: 'big'\.$"),
        ({"name": "x", "inner": {"rate": float("nan")}}, r"'top\.inner\.rate': Input should be a finite number"),
        ({"name": "x", "either": {"sise": 2}}, r"^Unknown key 'top\.either\.sise'\. Did you mean 'size'\?[^\n]*$"),
        ({"name": "x", "either": 3}, r"'top\.either'"),
        ({"name": "x", "pair": ["x", 3]}, r"^'top\.pair\.1': [^\n]*$"),
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
