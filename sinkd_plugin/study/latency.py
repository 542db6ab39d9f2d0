"""How fast a study's students are: read from what ``sinkd bench --json`` measured, which this room does not import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sinkd_plugin.errors import DataError
from sinkd_plugin.storage import read_json
from sinkd_plugin.study.comparison import Comparison


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One student in one backend.

    Args:
        task: Name of the task.
        pair: Name of the pair.
        method: Name of the method.
        backend: What it ran in, and in which form.
        milliseconds: Median latency at the shape.
        shape: Of the batch, in words.
    """

    task: str
    pair: str
    method: str
    backend: str
    milliseconds: float
    shape: str


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A student as a point of the figure; ``best`` if none is both as fast and better, or as good and faster."""

    timing: Timing
    score: float
    best: bool


def read_timings(path: Path) -> list[Timing]:
    """The students of a bench record at its first shape; other models in it are left out.

    A student is known by the last three folders of what ``sinkd bench`` was given: ``…/TASK/PAIR/METHOD``.

    Raises:
        StorageError: If the file cannot be read.
        DataError: If it is no record of ``sinkd bench``, or holds no student of a study.
    """
    record = read_json(path)
    try:
        models = {model["name"]: model for model in record["models"]}
        first = record["measurements"][0]["shape"]
        found = [
            _timing(models[measured["model"]], measured)
            for measured in record["measurements"]
            if measured["shape"] == first
        ]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DataError(
            "'latency' must be a record of sinkd bench --json.", received=f"'{path}', in which {error!r} is missing"
        ) from error
    timings = [timing for timing in found if timing is not None]
    if not timings:
        raise DataError(
            "A record of latencies must hold students of the study, from folders …/TASK/PAIR/METHOD.",
            received=f"'{path}' with {', '.join(models)}",
        )
    return timings


def _timing(model: dict[str, str], measured: dict[str, dict[str, float]]) -> Timing | None:
    parts = Path(model["reference"]).parts[-3:]
    if len(parts) < 3:
        return None
    shape = measured["shape"]
    return Timing(
        task=parts[0],
        pair=parts[1],
        method=parts[2],
        backend=f"{model['backend']} {model.get('form', '')}".strip(),
        milliseconds=float(measured["latency_ms"]["p50"]),
        shape=f"batch {shape['batch']:.0f} × {shape['length']:.0f} tokens",
    )


def offers(timings: Sequence[Timing], found: Sequence[Comparison], task: str) -> list[Offer]:
    """The students of a task that are both timed and scored, and which of them nobody beats.

    Args:
        timings: Of students.
        found: The comparison, with their mean scores.
        task: Name of the task.
    """
    scores = {(each.task, each.pair, each.method): each.scores.mean for each in found if each.scores is not None}
    known = [
        (timing, scores[timing.task, timing.pair, timing.method])
        for timing in timings
        if timing.task == task and (timing.task, timing.pair, timing.method) in scores
    ]
    return [Offer(timing=timing, score=score, best=not _beaten(timing, score, known)) for timing, score in known]


def _beaten(timing: Timing, score: float, others: Sequence[tuple[Timing, float]]) -> bool:
    return any(
        other.milliseconds <= timing.milliseconds
        and better >= score
        and (other.milliseconds < timing.milliseconds or better > score)
        for other, better in others
    )
