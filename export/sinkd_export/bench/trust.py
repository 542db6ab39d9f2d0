"""What a reader must know before believing the figures of a timing run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sinkd_export.bench.records import Agreement, Load, Measurement, Traffic
from sinkd_export.environment import Machine

FEW_ROUNDS = 30
"""Below this, a 99th percentile is the maximum under another name."""

UNDISTURBED = 0.95
"""Share of a processor that a single-threaded process gets when nobody else wants it."""


def warnings_about(
    load: Load,
    machine: Machine,
    threads: int,
    agreements: Sequence[Agreement],
    measurements: Sequence[Measurement],
    traffic: Traffic | None = None,
) -> tuple[str, ...]:
    """Warnings, in words for the reader of the table."""
    return (
        *_foreign_load(load, machine, threads),
        *_waiting_threads(machine, threads),
        *_differences(agreements),
        *_few_rounds(measurements),
        *_restless(measurements),
        *_below_the_floor(measurements),
        *_different_cuts(traffic),
    )


def _foreign_load(load: Load, machine: Machine, threads: int) -> Iterator[str]:
    before = load.average_before
    if before is not None and before + threads > machine.logical_cpus + 0.5:
        yield (
            f"The load average was {before:g} on {machine.logical_cpus} processors before the run: "
            "others compete for them. Ratios hold better than absolute times."
        )
    if threads == 1 and load.cpu_share is not None and load.cpu_share < UNDISTURBED:
        yield f"The process got only {load.cpu_share:.0%} of a processor: others took it away."


def _waiting_threads(machine: Machine, threads: int) -> Iterator[str]:
    if threads > 1 and (machine.omp_wait_policy or "").upper() != "PASSIVE":
        yield "With more than one thread, run with OMP_WAIT_POLICY=PASSIVE: torch's waiting threads spin otherwise."


def _differences(agreements: Sequence[Agreement]) -> Iterator[str]:
    for found in agreements:
        if found.argmax_agreement < 1:
            yield (
                f"'{found.model}' and '{found.compared_with}' have the same weights but differ in "
                f"{1 - found.argmax_agreement:.1%} of the {'tokens' if found.max_difference is None else 'labels'} "
                f"of {found.shape}."
            )


def _few_rounds(measurements: Sequence[Measurement]) -> Iterator[str]:
    few = sorted({str(found.shape) for found in measurements if found.latency_ms.n < FEW_ROUNDS})
    if few:
        yield f"Fewer than {FEW_ROUNDS} rounds at {', '.join(few)}: p99 is the slowest round there."


def _restless(measurements: Sequence[Measurement]) -> Iterator[str]:
    shapes = {str(found.shape): found.warmup_rounds for found in measurements if not found.settled}
    if shapes:
        told = ", ".join(f"{rounds} rounds of {shape}" for shape, rounds in shapes.items())
        yield f"Latencies had not settled after {told}: something else disturbed the machine."


def _below_the_floor(measurements: Sequence[Measurement]) -> Iterator[str]:
    if any(found.share_of_floor is not None and found.share_of_floor > 1 for found in measurements):
        yield "A latency is below its floor: the peak was measured while others disturbed the machine, and is higher."


def _different_cuts(traffic: Traffic | None) -> Iterator[str]:
    scores = () if traffic is None else traffic.scores
    if len({score.max_length for score in scores}) > 1:
        told = ", ".join(f"{score.model} at {score.max_length}" for score in scores)
        yield f"Models cut texts where their training did ({told} tokens): --max-length cuts all of them at one length."
