"""YAML and JSON as people mean them: a key twice is a mistake, and ``yes`` and ``no`` are words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import yaml

from sinkd_plugin.errors import ConfigError

_BOOLEAN = "tag:yaml.org,2002:bool"
_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """Plain data alone; of the words that YAML 1.1 takes for truth values only true and false, as in YAML 1.2.

    ``verbalisers: [yes, no]`` and ``labels: [off, on]`` are words for whoever writes them.
    """

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: dict[Any, Any] = {}
        for key_node, _ in node.value:
            key = None if key_node.tag == _MERGE else self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key}' stands twice, first in line {seen[key].line + 1}", key_node.start_mark
                )
            if isinstance(key, str):
                seen[key] = key_node.start_mark
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEAN or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(text: str, where: str) -> Any:
    """YAML text as plain data.

    Args:
        text: The text.
        where: What messages call it.

    Raises:
        ConfigError: If it is no YAML, or a mapping has a key twice.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader with fewer words
    except yaml.YAMLError as error:
        raise ConfigError(f"'{where}' must be valid YAML.", received=" ".join(str(error).split())) from error


def parse_json(text: str, where: str) -> Any:
    """JSON text as plain data; arguments and errors as for ``parse_yaml``."""
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except ValueError as error:
        raise ConfigError(f"'{where}' must be valid JSON.", received=str(error)) from error


def _without_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key '{key}' stands twice")
        found[key] = value
    return found
