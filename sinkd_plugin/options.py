"""Options: frozen, typed, validated once at the edge, with the path of the key in every message."""

from __future__ import annotations

from collections.abc import Mapping
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
        lines = [_explain(options_type, detail, where) for detail in error.errors()]
        raise ConfigError("\n".join(lines)) from None


def _explain(options_type: type[BaseModel], detail: ErrorDetails, where: str) -> str:
    keys = [str(part) for part in detail["loc"]]
    path = ".".join([where, *keys] if where else keys) or "the configuration"
    if detail["type"] == "extra_forbidden":
        known = sorted(_fields_at(options_type, keys[:-1]))
        guess = nearest(keys[-1], known)
        suggestion = f" Did you mean '{guess}'?" if guess else ""
        return f"Unknown key '{path}'.{suggestion} Known here: {', '.join(known)}."
    if detail["type"] == "missing":
        return f"The key '{path}' is required."
    message = detail["msg"].removeprefix("Value error, ")
    return f"'{path}': {message}. Received: {detail['input']!r}."


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
