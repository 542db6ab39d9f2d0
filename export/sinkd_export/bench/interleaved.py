"""Interleaved timing: in each round every contestant once, so that what disturbs one disturbs all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Contestants = Mapping[str, Callable[[], object]]

FEWEST_WARMUP_ROUNDS = 2
MOST_WARMUP_ROUNDS = 20
SETTLED = 0.1
"""Largest change of any latency between two rounds, relative to the larger, at which warming up may end."""

FEWEST_ROUNDS = 5
MOST_ROUNDS = 1000


@dataclass(frozen=True, kw_only=True)
class WarmUp:
    """What happened before the rounds that count.

    Args:
        rounds: How many there were.
        settled: Whether no contestant's latency changed any more, or the time for it was over first.
        last_seconds: Duration of the last of them.
    """

    rounds: int
    settled: bool
    last_seconds: float


def warm_up(contestants: Contestants, seconds: float, clock: Callable[[], float] = time.perf_counter) -> WarmUp:
    """Call everyone in rounds until latencies settle: between 2 and 20 of them, and after 2 no longer than ``seconds``.

    Compilers, caches, allocators and the processor's frequency take their time.
    """
    started = clock()
    before: list[float] = []
    for turn in range(1, MOST_WARMUP_ROUNDS + 1):
        latest = [_seconds(call, clock) for call in contestants.values()]
        settled = bool(before) and all(_near(one, other) for one, other in zip(before, latest, strict=True))
        late = clock() - started > seconds
        if turn >= FEWEST_WARMUP_ROUNDS and (settled or late):
            break
        before = latest
    return WarmUp(rounds=turn, settled=settled, last_seconds=sum(latest))


def _seconds(call: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    call()
    return clock() - start


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= SETTLED * max(one, other)


def rounds_within(round_seconds: float, seconds: float) -> int:
    """How many rounds fit into ``seconds``, between 5 and 1000."""
    return max(FEWEST_ROUNDS, min(MOST_ROUNDS, int(seconds / max(round_seconds, 1e-9))))


@dataclass(frozen=True, kw_only=True)
class Times:
    """What one contestant took, in milliseconds, one value a round.

    Args:
        wall: By the clock.
        cpu: Of processor time, of all threads of this process; unlike the clock's, it leaves out what others took away.
    """

    wall: tuple[float, ...]
    cpu: tuple[float, ...]


def timed_rounds(
    contestants: Contestants, rounds: int, on_round: Callable[[Mapping[str, float]], None] = lambda _latest: None
) -> dict[str, Times]:
    """Times of each contestant, one a round.

    Args:
        contestants: What to call, by name.
        rounds: Number of rounds.
        on_round: Told the latest latency of each after every round, outside the timed stretches.
    """
    wall: dict[str, list[float]] = {name: [] for name in contestants}
    cpu: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for turn in range(rounds):
        shift = turn % len(names)  # nobody always follows the same neighbour's cold caches first
        for name in names[shift:] + names[:shift]:
            cpu_start, start = time.process_time_ns(), time.perf_counter_ns()
            contestants[name]()
            wall[name].append((time.perf_counter_ns() - start) / 1e6)
            cpu[name].append((time.process_time_ns() - cpu_start) / 1e6)
        on_round({name: values[-1] for name, values in wall.items()})
    return {name: Times(wall=tuple(wall[name]), cpu=tuple(cpu[name])) for name in names}
