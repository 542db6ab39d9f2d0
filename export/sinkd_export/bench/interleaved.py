"""Interleaved timing: in each round every contestant once, so that what disturbs one disturbs all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

Contestants = Mapping[str, Callable[[], object]]

WARMUP_ROUNDS = 3
FEWEST_ROUNDS = 5
MOST_ROUNDS = 1000


def rounds_within(contestants: Contestants, seconds: float) -> int:
    """Warm up, and tell how many rounds fit into ``seconds``, between 5 and 1000.

    The estimate is that of the last warm-up round, when caches and allocators have settled.
    """
    last = 0.0
    for _ in range(WARMUP_ROUNDS):
        start = time.perf_counter()
        for call in contestants.values():
            call()
        last = time.perf_counter() - start
    return max(FEWEST_ROUNDS, min(MOST_ROUNDS, int(seconds / max(last, 1e-9))))


def timed_rounds(
    contestants: Contestants, rounds: int, on_round: Callable[[Mapping[str, float]], None] = lambda _latest: None
) -> dict[str, list[float]]:
    """Latencies in milliseconds of each contestant, one a round.

    Args:
        contestants: What to call, by name.
        rounds: Number of rounds.
        on_round: Told the latest latency of each after every round, outside the timed stretches.
    """
    latencies: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for turn in range(rounds):
        shift = turn % len(names)  # nobody always follows the same neighbour's cold caches first
        for name in names[shift:] + names[:shift]:
            start = time.perf_counter_ns()
            contestants[name]()
            latencies[name].append((time.perf_counter_ns() - start) / 1e6)
        on_round({name: values[-1] for name, values in latencies.items()})
    return latencies
