"""Options: frozen, typed, validated once at the edge, with the path of the key in every message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from sinkd_plugin.errors import ConfigError, nearest


class Options(BaseModel):
    """Base of every option record: immutable, and no key beyond the declared ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


OptionsT = TypeVar("OptionsT", bound=Options)


def validate(options_type: type[OptionsT], data: Mapping[str, Any], where: str = "") -> OptionsT:
    """Turn plain data into options.

    Args:
        options_type: The record to build.
        data: Plain data, as read from YAML or JSON or given as keyword arguments.
        where: Path of ``data`` in the user's configuration, such as ``distillation.sinkd``.

    Raises:
        ConfigError: If a key is unknown, missing, or has a value outside its range; all failures in one message.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"'{where or 'the configuration'}' must be a mapping of keys to values.", received=repr(data))
    try:
        return options_type.model_validate(dict(data))
    except ValidationError as error:
        raise ConfigError("\n".join(_explanations(options_type, error.errors(), data, where))) from None


def _explanations(
    options_type: type[BaseModel], details: Sequence[ErrorDetails], data: Mapping[str, Any], where: str
) -> list[str]:
    """One line a key. Where a value may be of several types, what is wrong deepest inside it is what counts."""
    found = [(_keys(detail, data), detail) for detail in details]
    lines: dict[tuple[str, ...], list[ErrorDetails]] = {}
    for keys, detail in found:
        if not any(len(other) > len(keys) and other[: len(keys)] == keys for other, _ in found):
            lines.setdefault(tuple(keys), []).append(detail)
    return [_explain(options_type, list(keys), failures, where) for keys, failures in lines.items()]


def _keys(detail: ErrorDetails, data: Any) -> list[str]:
    """The keys that lead to a failure, without pydantic's names for the alternatives of a union."""
    keys = []
    for part in detail["loc"]:
        inside = isinstance(data, Mapping) and part in data
        inside = inside or (isinstance(data, (list, tuple)) and isinstance(part, int) and part < len(data))
        if inside:
            data = data[part]
            keys.append(str(part))
    return [*keys, str(detail["loc"][-1])] if detail["type"] == "missing" else keys


_EXPECTED = {
    "bool": "true or false",
    "dict": "a mapping of keys to values",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "mapping": "a mapping of keys to values",
    "model": "a mapping of keys to values",
    "path": "a path",
    "string": "text",
    "tuple": "a list",
}
"""What a value has to be, by pydantic's names of types."""
_WRONG_TYPE = ("type", "parsing", "parsing_size", "from_float", "strict")
"""What pydantic adds to such a name where a value is of another type."""


def _explain(options_type: type[BaseModel], keys: list[str], failures: list[ErrorDetails], where: str) -> str:
    detail = failures[0]
    path = ".".join([where, *keys] if where else keys) or "the configuration"
    if detail["type"] == "extra_forbidden":
        known = sorted(_fields_at(options_type, keys[:-1]))
        guess = nearest(keys[-1], known)
        suggestion = f" Did you mean '{guess}'?" if guess else ""
        return f"Unknown key '{path}'.{suggestion} Known here: {', '.join(known)}."
    if detail["type"] == "missing":
        return f"The key '{path}' is required."
    if detail["type"] == "value_error":
        rule = detail["msg"].removeprefix("Value error, ")
        if not keys and not where:  # of several options together: the rule names those that it is about
            return f"{rule}."
        return f"'{path}': {rule}. Received: {detail['input']!r}."
    wanted = " or ".join(dict.fromkeys(map(_wanted, failures)))
    return f"'{path}' must {wanted}. Received: {detail['input']!r}."


def _wanted(detail: ErrorDetails) -> str:
    """What a value must do, in the words of whoever writes a configuration and not of Python's types."""
    kind, limits = detail["type"], detail.get("ctx", {})
    if kind == "too_short":
        return f"have {limits['min_length']} or more entries"
    if kind == "too_long":
        return f"have {limits['max_length']} entries or fewer"
    name, _, fault = kind.partition("_")
    if name in _EXPECTED and fault in _WRONG_TYPE:
        return f"be {_EXPECTED[name]}"
    return detail["msg"].removeprefix("Input should ").removeprefix("String should ")


def _fields_at(options_type: type[BaseModel], keys: list[str]) -> list[str]:
    """Names of the fields of the record that ``keys`` leads to."""
    current = options_type
    for key in keys:
        field = current.model_fields.get(key)
        nested = _records_in(field.annotation) if field else []
        if nested:
            current = nested[0]
    return list(current.model_fields)


def _records_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [record for argument in get_args(annotation) for record in _records_in(argument)]
