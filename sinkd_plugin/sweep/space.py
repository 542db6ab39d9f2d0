"""The space of a sweep in optuna's terms, and optuna's choices in those of a run."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sinkd_plugin.sweep.config import RangeOptions

Space = Mapping[str, Sequence[Any] | RangeOptions]
Params = dict[str, Any]
"""What optuna keeps: numbers, and values of lists by their names."""


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """What optuna draws from."""
    return {key: _distribution(values) for key, values in space.items()}


def setting(space: Space, params: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys with the values that optuna's choices stand for."""
    return {key: _value(values, params[key]) for key, values in space.items()}


def grid(space: Space) -> list[Params]:
    """Every setting of a space of lists and of ranges with a step."""
    return [dict(zip(space, chosen, strict=True)) for chosen in itertools.product(*map(_names, space.values()))]


def ends(space: Space) -> Iterator[dict[str, Any]]:
    """Settings in which each listed value, and both ends of each range, comes up once."""
    for key, values in space.items():
        for value in (values.low, values.high) if isinstance(values, RangeOptions) else values:
            yield {key: value}


def _distribution(values: Sequence[Any] | RangeOptions) -> BaseDistribution:
    if not isinstance(values, RangeOptions):
        return CategoricalDistribution([_name(value) for value in values])
    if values.whole:
        return IntDistribution(int(values.low), int(values.high), log=values.log, step=int(values.step or 1))
    return FloatDistribution(values.low, values.high, log=values.log, step=values.step)


def _names(values: Sequence[Any] | RangeOptions) -> list[Any]:
    return values.numbers if isinstance(values, RangeOptions) else [_name(value) for value in values]


def _value(values: Sequence[Any] | RangeOptions, chosen: Any) -> Any:
    if isinstance(values, RangeOptions):
        return chosen
    return next(value for value in values if _name(value) == chosen)


def _name(value: Any) -> Any:
    """A value as storages can keep it: plain ones as they are, lists and mappings as text."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else json.dumps(value)
