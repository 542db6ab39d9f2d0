"""Two records of timing runs side by side: ratios of medians with the interval that their rounds allow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sinkd_export.bench.records import SCHEMA_VERSION, BenchReport
from sinkd_plugin.errors import DataError
from sinkd_plugin.storage import read_json

CONFIDENCE = 0.95
RESAMPLES = 2000
LONGEST_MS = 1e12
"""Thirty years; what is more was not measured."""


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """One model at one shape, or in one arrangement of a task's texts, in both records.

    Args:
        model: Name of the model.
        where: The shape, or the arrangement.
        before_ms: Median latency in the first record.
        after_ms: The same in the second.
        ratio: ``before_ms / after_ms``: above 1, the second is faster.
        low: Lower end of its 95 % bootstrap interval over the rounds of each record.
        high: Upper end.
    """

    model: str
    where: str
    before_ms: float
    after_ms: float
    ratio: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What two records have in common, and what else differs between them."""

    ratios: tuple[Ratio, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def compare_records(before: Path, after: Path) -> Comparison:
    """Compare what two records have in common.

    Args:
        before: A record that ``sinkd bench --output`` wrote.
        after: Another.

    Raises:
        DataError: If one is no such record, or they have nothing in common.
    """
    one, other = _record(before), _record(after)
    rows, others = dict(_rows(one)), dict(_rows(other))
    shared = [key for key in rows if key in others]
    if not shared:
        raise DataError(
            "Two records must have a model and a shape in common.",
            received=f"{_told(rows) or 'nothing that was timed'} and {_told(others) or 'nothing that was timed'}",
            cure="Time folders of the same names at the same shapes.",
        )
    return Comparison(
        ratios=tuple(_ratio(*key, rows[key], others[key]) for key in shared), warnings=tuple(_differences(one, other))
    )


def bootstrap_ratio(before: Sequence[float], after: Sequence[float]) -> tuple[float, float]:
    """95 % bootstrap interval of the ratio of medians; rounds are drawn within each record.

    The draws are the same in each call.
    """
    draws = np.random.default_rng(0)
    ratios = _medians(before, draws) / _medians(after, draws)
    tail = (1 - CONFIDENCE) / 2
    low, high = (float(value) for value in np.quantile(ratios, [tail, 1 - tail]))
    return low, high


def comparison_table(comparison: Comparison) -> Table:
    """One row of each ratio."""
    table = Table(title="above 1: the second record is faster", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("model", "shape"):
        table.add_column(heading, overflow="fold")
    for heading in ("before ms", "after ms", "ratio", f"{CONFIDENCE:.0%} interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for found in comparison.ratios:
        figures = (f"{found.before_ms:.4g}", f"{found.after_ms:.4g}", f"{found.ratio:.3f}")
        table.add_row(found.model, found.where, *figures, f"{found.low:.3f} – {found.high:.3f}")
    return table


def _record(path: Path) -> BenchReport:
    if not path.is_file():
        raise DataError("--compare takes two files.", received=f"'{path}', which is none")
    data = read_json(path)
    version = data.get("schema_version") if isinstance(data, Mapping) else None
    if version != SCHEMA_VERSION:
        raise _no_record(path, f"version {version}" if version is not None else "something else")
    try:
        report = TypeAdapter(BenchReport).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise _no_record(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    for key, latencies in _rows(report):
        if not latencies or not all(0 < latency < LONGEST_MS for latency in latencies):
            raise _no_record(path, f"{' at '.join(key)} without a latency above 0 in every round")
    return report


def _no_record(path: Path, found: str) -> DataError:
    return DataError(
        f"--compare takes records of `sinkd bench --output`, version {SCHEMA_VERSION}.",
        received=f"'{path}', with {found}",
        cure="Time the models again with this version of sinkd.",
    )


def _rows(report: BenchReport) -> Iterator[tuple[tuple[str, str], Sequence[float]]]:
    for found in report.measurements:
        yield (found.model, str(found.shape)), found.raw_latency_ms
    traffic = report.traffic
    if traffic is not None:
        for each in traffic.passes:
            where = f"{traffic.texts} texts of {traffic.task} cut at {traffic.max_length}, {each.arrangement}"
            yield (each.model, where), each.raw_latency_ms


def _told(rows: Mapping[tuple[str, str], object]) -> str:
    return ", ".join(f"{model} at {where}" for model, where in rows)


def _ratio(model: str, where: str, before: Sequence[float], after: Sequence[float]) -> Ratio:
    low, high = bootstrap_ratio(before, after)
    before_ms, after_ms = float(np.median(before)), float(np.median(after))
    return Ratio(
        model=model,
        where=where,
        before_ms=before_ms,
        after_ms=after_ms,
        ratio=before_ms / after_ms,
        low=low,
        high=high,
    )


def _medians(values: Sequence[float], draws: np.random.Generator) -> NDArray[np.float64]:
    raw = np.asarray(values)
    medians: NDArray[np.float64] = np.median(raw[draws.integers(len(raw), size=(RESAMPLES, len(raw)))], axis=1)
    return medians


def _differences(one: BenchReport, other: BenchReport) -> Iterator[str]:
    yield "The records were not interleaved: what else ran differs between them, and no interval shows that."
    told: dict[str, tuple[object, object]] = {
        "The processor": (one.machine.cpu, other.machine.cpu),
        "The number of threads": (one.threads, other.threads),
        "The number of tokens written": (one.new_tokens, other.new_tokens),
    }
    for package in one.versions:
        told[f"The version of {package}"] = (one.versions[package], other.versions.get(package))
    for what, (first, second) in told.items():
        if first != second:
            yield f"{what} differs: {first} and {second}."
