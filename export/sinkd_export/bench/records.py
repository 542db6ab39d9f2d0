"""The record of a timing run; units stand in the names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sinkd_export.bench.options import Shape
from sinkd_export.environment import Machine

SCHEMA_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """What a model costs before its first answer, measured in a process of its own.

    Args:
        load_ms: Time to load it, imports not counted, its files already in memory.
        peak_memory_mb: Most memory of the whole process, libraries included; ``None`` where the system does not tell.
        memory_mb: The part of it that the model needs: the peak less what the process held before loading.
    """

    load_ms: float
    peak_memory_mb: float | None
    memory_mb: float | None


@dataclass(frozen=True, kw_only=True)
class Peak:
    """What the machine multiplies at its best, in billions of operations a second, with the threads of the run."""

    float32_gflops: float
    int8_gops: float


@dataclass(frozen=True, kw_only=True)
class Unavailable:
    """A model in a form that could not be timed, with the reason."""

    model: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ModelRecord:
    """A model that was timed.

    Args:
        name: Its name in this report.
        reference: What the user called it.
        backend: What it ran in.
        form: ``eager``, ``compile``, or that of its graphs: ``fp32``, ``O2``, ``int8``, ….
        provider: ``cpu``, ``cuda`` or ``tensorrt``.
        weights: sha256 of the weight files it was made of; models with equal weights must agree.
        size_bytes: Size of its weights on disk.
        footprint: Loading and memory, unless they were not asked for.
    """

    name: str
    reference: str
    backend: Literal["pytorch", "onnxruntime"]
    form: str
    provider: str
    weights: Mapping[str, str]
    size_bytes: int
    footprint: Footprint | None


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Order statistics of latencies in milliseconds."""

    p50: float
    p90: float
    p99: float
    min: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Some rounds of a model beside those of a reference.

    Args:
        latency_ms: Order statistics.
        ratio: Median over rounds of the reference's latency divided by this one's: above 1 is faster.
        ratio_quartiles: First and third quartile of the same.
        cpu_ms: Median of the processor time, which leaves out what others took away.
        cpu_ratio: Median over rounds of the reference's processor time divided by this one's.
        raw_latency_ms: Every round, in order.
        raw_cpu_ms: The same in processor time.
    """

    latency_ms: Latency
    ratio: float
    ratio_quartiles: tuple[float, float]
    cpu_ms: float
    cpu_ratio: float
    raw_latency_ms: tuple[float, ...]
    raw_cpu_ms: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Measurement(Compared):
    """One model at one shape.

    Args:
        model: Name of the model.
        shape: The batch.
        throughput_per_s: Rows a second at the median latency.
        floor_ms: Time of the matrix products alone at the measured peak; ``None`` where it is not known.
        share_of_floor: ``floor_ms`` divided by ``cpu_ms`` with one thread, else by the median latency: 1 cannot be
            passed.
        warmup_rounds: Rounds before those that count.
        settled: Whether latencies had stopped changing by then.
    """

    model: str
    shape: Shape
    throughput_per_s: float
    floor_ms: float | None
    share_of_floor: float | None
    warmup_rounds: int
    settled: bool


@dataclass(frozen=True, kw_only=True)
class Pass(Compared):
    """One model on a task's own texts, in one arrangement; its reference is the first model, padded.

    Args:
        model: Name of the model.
        arrangement: ``padded``: as they come, in batches padded to the longest text that is taken; ``sorted``: in
            batches of about one length, padded to the longest of the batch.
        tokens: Tokens that are computed for them, padding included.
        texts_per_s: At the median.
        floor_ms: As of a ``Measurement``.
        share_of_floor: The same.
    """

    model: str
    arrangement: Literal["padded", "sorted"]
    tokens: int
    texts_per_s: float
    floor_ms: float | None = None
    share_of_floor: float | None = None


@dataclass(frozen=True, kw_only=True)
class Score:
    """A model's score on the task's whole test split.

    Args:
        model: Name of the model.
        value: The task's headline metric.
        lost: The first model's score minus it.
        max_length: Tokens that it cut texts to.
    """

    model: str
    value: float
    lost: float
    max_length: int | None = None


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """The models on a task's own texts.

    Args:
        task: Name of the task.
        metric: Its headline metric.
        scored: Number of examples of the test split that were scored.
        texts: Number of its texts that were timed, spread over all of them.
        max_length: Tokens that the first model cuts texts to, and pads them to where they are not sorted.
        mean_length: Mean length of the texts in tokens.
        batch_size: Most texts of a batch.
        warmup_rounds: Rounds before those that count.
        scores: Of each model.
        passes: Each model in each arrangement.
    """

    task: str
    metric: str
    scored: int
    texts: int
    max_length: int
    mean_length: float
    batch_size: int
    warmup_rounds: int
    scores: tuple[Score, ...]
    passes: tuple[Pass, ...]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two models of equal weights are apart on the inputs that were timed.

    Args:
        model: Name of the model.
        compared_with: Name of the first model with the same weights.
        shape: The batch.
        max_difference: Largest absolute difference of a logit; ``None`` where text is written.
        argmax_agreement: Share of rows with the same label, or of tokens that are the same.
    """

    model: str
    compared_with: str
    shape: Shape
    max_difference: float | None
    argmax_agreement: float


@dataclass(frozen=True, kw_only=True)
class Load:
    """What else ran meanwhile.

    Args:
        average_before: Load average over a minute, before.
        average_after: The same, after.
        cpu_share: CPU time this process got, divided by the wall time of the rounds; with one thread, below 1 means
            that others took the processor away. ``None`` if nothing was timed.
    """

    average_before: float | None
    average_after: float | None
    cpu_share: float | None


@dataclass(frozen=True, kw_only=True)
class BenchReport:
    """A whole timing run.

    Args:
        schema_version: Version of this record.
        reference: Name of the model that ratios are relative to; if nothing was timed, of the first.
        threads: Threads of either backend.
        seconds: Time allowed for all rounds.
        inputs: What the token ids are made of.
        new_tokens: Tokens that are written in each call; ``None`` for classifiers.
        models: The models.
        measurements: One of each model at each shape.
        traffic: The models on a task's own texts, if one was named.
        agreements: Models of equal weights against each other.
        unavailable: What was asked for and could not be timed.
        peak: What the machine can do; ``None`` if nothing was timed.
        load: What else ran.
        warnings: What a reader must know before believing the figures.
        machine: The processor.
        int8_instructions: Its instructions for int8.
        versions: Versions of the packages.
        commit: Commit of the checkout that sinkd ran from, if it did.
    """

    schema_version: int
    reference: str
    threads: int
    seconds: float
    inputs: str
    new_tokens: int | None
    models: tuple[ModelRecord, ...]
    measurements: tuple[Measurement, ...]
    traffic: Traffic | None
    agreements: tuple[Agreement, ...]
    unavailable: tuple[Unavailable, ...]
    peak: Peak | None
    load: Load
    warnings: tuple[str, ...]
    machine: Machine
    int8_instructions: str
    versions: Mapping[str, str]
    commit: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)
