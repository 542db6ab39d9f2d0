"""What the rounds of a timing run come to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sinkd_export.bench.interleaved import Times
from sinkd_export.bench.options import Shape
from sinkd_export.bench.records import Compared, Latency, Measurement


def latency_of(latencies_ms: Sequence[float]) -> Latency:
    """Order statistics."""
    p50, p90, p99 = (float(value) for value in np.percentile(latencies_ms, [50, 90, 99]))
    return Latency(p50=p50, p90=p90, p99=p99, min=min(latencies_ms), n=len(latencies_ms))


def measurement(
    model: str,
    shape: Shape,
    times: Times,
    reference: Times,
    *,
    threads: int = 1,
    floor_ms: float | None = None,
    warmup_rounds: int = 0,
    settled: bool = True,
) -> Measurement:
    """Statistics of one model's rounds beside those of the reference in the same rounds."""
    found = compared(times, reference)
    return Measurement(
        model=model,
        shape=shape,
        throughput_per_s=shape.batch / found.latency_ms.p50 * 1e3,
        floor_ms=floor_ms,
        share_of_floor=share_of_floor(floor_ms, found, threads),
        warmup_rounds=warmup_rounds,
        settled=settled,
        **vars(found),
    )


def share_of_floor(floor_ms: float | None, found: Compared, threads: int) -> float | None:
    """The floor divided by what was spent: processor time with one thread, else the median latency."""
    spent = found.cpu_ms if threads == 1 else found.latency_ms.p50
    return None if floor_ms is None else floor_ms / spent


def compared(times: Times, reference: Times) -> Compared:
    """Statistics of some rounds beside those of the reference in the same rounds."""
    low, ratio, high = (float(value) for value in np.percentile(_ratios(times.wall, reference.wall), [25, 50, 75]))
    return Compared(
        latency_ms=latency_of(times.wall),
        ratio=ratio,
        ratio_quartiles=(low, high),
        cpu_ms=float(np.median(times.cpu)),
        cpu_ratio=float(np.median(_ratios(times.cpu, reference.cpu))),
        raw_latency_ms=_rounded(times.wall),
        raw_cpu_ms=_rounded(times.cpu),
    )


def _ratios(values: Sequence[float], reference: Sequence[float]) -> NDArray[np.float64]:
    ratios: NDArray[np.float64] = np.asarray(reference) / np.maximum(np.asarray(values), 1e-6)
    return ratios


def _rounded(values: Sequence[float]) -> tuple[float, ...]:
    """To the nanosecond."""
    return tuple(round(value, 6) for value in values)
