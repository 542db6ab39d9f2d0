"""What an ablation says: scores over the values of its key, and differences to the reference on the same seeds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sinkd_plugin.study.config import AblationOptions, StudyConfig
from sinkd_plugin.study.rows import Row
from sinkd_plugin.study.statistics import Difference, Summary, compare, summarise


@dataclass(frozen=True, kw_only=True)
class Point:
    """One method at one value of an ablation's key.

    Args:
        task: Name of the task.
        pair: Name of the pair.
        method: Name of the method.
        value: Of the key; ``None`` for the reference where it is not varied.
        metric: That was scored.
        scores: Over seeds.
        difference: To the reference on the same seeds: at the same value where it is varied too, else as it is.
    """

    task: str
    pair: str
    method: str
    value: Any
    metric: str
    scores: Summary
    difference: Difference | None


def ablation_points(study: StudyConfig, rows: Sequence[Row], name: str) -> list[Point]:
    """What is known of an ablation, in the order of tasks, pairs, methods and values.

    Args:
        study: The study.
        rows: Of all its cells.
        name: The ablation's.
    """
    ablation = study.ablations[name]
    done = [row for row in rows if row.ablation == name and row.score is not None]
    both = study.reference in ablation.methods
    methods = [*ablation.methods] if both else [study.reference, *ablation.methods]
    points = []
    for task, pair, method in itertools.product(study.tasks, study.pairs, methods):
        there = [row for row in done if (row.task, row.pair) == (task, pair)]
        for value in ablation.values if method in ablation.methods else [None]:
            own = [row for row in there if row.method == method and (value is None or _value(row, ablation) == value)]
            beside = [
                row for row in there if row.method == study.reference and (not both or _value(row, ablation) == value)
            ]
            if own:
                points.append(_point(own, beside if method != study.reference else [], value))
    return points


def _value(row: Row, ablation: AblationOptions) -> Any:
    return json.loads(row.setting).get(ablation.key)


def _point(own: Sequence[Row], beside: Sequence[Row], value: Any) -> Point:
    scores, reference = _scores(own), _scores(beside)
    return Point(
        task=own[0].task,
        pair=own[0].pair,
        method=own[0].method,
        value=value,
        metric=own[0].metric or "",
        scores=summarise(list(scores.values())),
        difference=compare(scores, reference) if scores.keys() & reference.keys() else None,
    )


def _scores(rows: Sequence[Row]) -> dict[int, float]:
    return {row.seed: row.score for row in rows if row.score is not None}


def value_name(value: Any) -> str:
    """A value as figures and tables write it: a list of layers by their number."""
    return str(len(value)) if isinstance(value, list) else str(value)
