"""The record of a timing run; units stand in the names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from sinkd_export.bench.options import Shape
from sinkd_export.environment import Machine

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ModelRecord:
    """A model that was timed.

    Args:
        name: Its name in this report.
        reference: What the user called it.
        backend: What it ran in.
        weights: sha256 of the weight files it was made of; models with equal weights must agree.
        size_bytes: Size of its weights on disk.
        load_ms: Time to load it, imports not counted, its files already in memory.
    """

    name: str
    reference: str
    backend: Literal["pytorch", "onnxruntime"]
    weights: Mapping[str, str]
    size_bytes: int
    load_ms: float


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Order statistics of latencies in milliseconds."""

    p50: float
    p90: float
    p99: float
    min: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One model at one shape.

    Args:
        model: Name of the model.
        shape: The batch.
        latency_ms: Order statistics.
        throughput_per_s: Rows a second at the median latency.
        ratio: Median over rounds of the reference's latency divided by this one's: above 1 is faster.
        ratio_quartiles: First and third quartile of the same.
        raw_latency_ms: Every round, in order.
    """

    model: str
    shape: Shape
    latency_ms: Latency
    throughput_per_s: float
    ratio: float
    ratio_quartiles: tuple[float, float]
    raw_latency_ms: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two models of equal weights are apart on the inputs that were timed.

    Args:
        model: Name of the model.
        compared_with: Name of the first model with the same weights.
        shape: The batch.
        max_difference: Largest absolute difference of a logit.
        argmax_agreement: Share of rows with the same label.
    """

    model: str
    compared_with: str
    shape: Shape
    max_difference: float
    argmax_agreement: float


@dataclass(frozen=True, kw_only=True)
class Load:
    """What else ran meanwhile.

    Args:
        average_before: Load average over a minute, before.
        average_after: The same, after.
        cpu_share: CPU time this process got, divided by the wall time of the rounds; with one thread, below 1 means
            that others took the processor away.
    """

    average_before: float | None
    average_after: float | None
    cpu_share: float


@dataclass(frozen=True, kw_only=True)
class BenchReport:
    """A whole timing run.

    Args:
        schema_version: Version of this record.
        reference: Name of the model that ratios are relative to.
        threads: Threads of either backend.
        warmup_rounds: Rounds before those that count.
        seconds: Time allowed for all rounds.
        inputs: What the token ids are made of.
        models: The models.
        measurements: One of each model at each shape.
        agreements: Models of equal weights against each other.
        load: What else ran.
        warnings: What a reader must know before believing the figures.
        unavailable_providers: Execution providers that were asked for and are not there.
        machine: The processor.
        versions: Versions of the packages.
    """

    schema_version: int
    reference: str
    threads: int
    warmup_rounds: int
    seconds: float
    inputs: str
    models: tuple[ModelRecord, ...]
    measurements: tuple[Measurement, ...]
    agreements: tuple[Agreement, ...]
    load: Load
    warnings: tuple[str, ...]
    unavailable_providers: tuple[str, ...]
    machine: Machine
    versions: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def measurement(model: str, shape: Shape, latencies_ms: list[float], reference_ms: list[float]) -> Measurement:
    """Statistics of one model's rounds beside those of the reference in the same rounds."""
    p50, p90, p99 = (float(value) for value in np.percentile(latencies_ms, [50, 90, 99]))
    ratios = np.asarray(reference_ms) / np.asarray(latencies_ms)
    low, ratio, high = (float(value) for value in np.percentile(ratios, [25, 50, 75]))
    return Measurement(
        model=model,
        shape=shape,
        latency_ms=Latency(p50=p50, p90=p90, p99=p99, min=min(latencies_ms), n=len(latencies_ms)),
        throughput_per_s=shape.batch / p50 * 1e3,
        ratio=ratio,
        ratio_quartiles=(low, high),
        raw_latency_ms=tuple(round(value, 6) for value in latencies_ms),
    )
