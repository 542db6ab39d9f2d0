"""Throughput and latency of `sinkd serve`, with and without micro-batching, in one interleaved run.

Run: sinkd export runs/quickstart/student --to exported && python benchmarks/serve.py exported export/results/serve.json

Two servers of one student run side by side, one with batches of up to 32, one with batches of 1. In each round every
case is played against both, one after the other; a ratio is the median over the rounds of ratios within one round. A
case is a number of clients that each ask, wait for the answer, and ask again (a closed loop) for some seconds, about
reviews of the test split as they come. Server and clients share the machine: no absolute figure means much.

Before that, in one process and in its CPU time: what computing reviews together costs beside computing each alone, with
batches of any lengths and with the runtime's batches of about one length.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from sinkd_export.environment import load_average, machine, versions
from sinkd_export.runtime import Student
from sinkd_plugin.tasks.load import load_task
from sinkd_plugin.tasks.options import DataOptions

CASES = ((1, 1), (8, 1), (32, 1), (8, 16))
"""Clients at once, and texts in each request."""

ROUNDS = 7
SECONDS = 3.0
MODES = {"batches of 32": ("--max-batch", "32"), "one at a time": ("--max-batch", "1")}


@contextmanager
def server(folder: str, *words: str) -> Iterator[str]:
    """A server on a free port, on one thread; its address."""
    command = [sys.executable, "-m", "sinkd_plugin", "serve", folder, "--port", "0", "--threads", "1", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        found = re.search(r"http://\S+", process.stderr.readline())
        assert found, process.communicate()[1]
        yield found[0]
    finally:
        process.terminate()
        process.communicate()


async def play(url: str, clients: int, texts: Sequence[str], size: int) -> dict[str, Any]:
    """One case against one server: latency of each request in milliseconds, and texts a second."""
    latencies: list[float] = []
    started = time.perf_counter()

    async def client(http: httpx.AsyncClient, position: int) -> None:
        while time.perf_counter() - started < SECONDS:
            asked = [texts[(position + offset) % len(texts)] for offset in range(size)]
            position += 7 * size
            before = time.perf_counter()
            answer = await http.post("/predict", json={"texts": asked})
            latencies.append(1000 * (time.perf_counter() - before))
            assert answer.status_code == 200, answer.text

    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as http:
        await asyncio.gather(*(client(http, 101 * number) for number in range(clients)))
    seconds = time.perf_counter() - started
    p50, p90, p99 = np.percentile(latencies, (50, 90, 99))
    return {
        "requests": len(latencies),
        "seconds": round(seconds, 3),
        "texts_per_second": round(size * len(latencies) / seconds, 1),
        "latency_ms": {"p50": round(p50, 2), "p90": round(p90, 2), "p99": round(p99, 2)},
    }


def interleaved(urls: dict[str, str], texts: Sequence[str]) -> list[dict[str, Any]]:
    """Every case against every server in every round, the order turning from round to round."""
    found = []
    for clients, size in CASES:
        rounds: dict[str, list[dict[str, Any]]] = {mode: [] for mode in urls}
        for number in range(ROUNDS):
            for mode in list(urls)[:: 1 if number % 2 else -1]:
                rounds[mode].append(asyncio.run(play(urls[mode], clients, texts, size)))
        found.append({"clients": clients, "texts_per_request": size, "rounds": rounds, "ratio": ratios(rounds)})
        print(json.dumps({**found[-1], "rounds": len(rounds["one at a time"])}))
    return found


def ratios(rounds: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, float]]:
    """With batching over without, within each round: median, lowest and highest."""
    pairs = list(zip(rounds["batches of 32"], rounds["one at a time"], strict=True))
    of = {
        "texts_per_second": [one["texts_per_second"] / other["texts_per_second"] for one, other in pairs],
        "p50": [one["latency_ms"]["p50"] / other["latency_ms"]["p50"] for one, other in pairs],
        "p99": [one["latency_ms"]["p99"] / other["latency_ms"]["p99"] for one, other in pairs],
    }
    return {
        name: {
            "median": round(statistics.median(values), 3),
            "low": round(min(values), 3),
            "high": round(max(values), 3),
        }
        for name, values in of.items()
    }


def padding(folder: str, texts: Sequence[str]) -> dict[str, Any]:
    """CPU time of 256 reviews, 32 at hand at any time: alone over together, median of the rounds; above 1 is faster."""
    near = Student.load(folder, threads=1)
    students = {"alone": (near, 1), "any lengths": (replace(near, stretch=math.inf), 32), "near lengths": (near, 32)}
    encoded = near.encode(texts[:256])
    seconds: dict[str, list[float]] = {name: [] for name in students}
    for _ in range(ROUNDS):
        for name, (student, batch_size) in students.items():
            before = time.process_time()
            for start in range(0, len(encoded), 32):
                student.classify(encoded[start : start + 32], batch_size=batch_size)
            seconds[name].append(time.process_time() - before)
    alone = seconds["alone"]
    return {
        "cpu_seconds": {name: [round(value, 4) for value in values] for name, values in seconds.items()},
        "times_faster_than_alone": {
            name: round(statistics.median(one / other for one, other in zip(alone, values, strict=True)), 3)
            for name, values in seconds.items()
        },
        "mean_tokens": round(statistics.mean(len(one.ids) for one in encoded), 1),
    }


def main(folder: str, output: str) -> None:
    """Measure a student and write the record."""
    task = load_task("reviews", data_dir=None, data=DataOptions(max_test_samples=1000), seed=0)
    texts = [row[0] for row in task.text("test")]
    before, padded = load_average(), padding(folder, texts)
    print(json.dumps(padded["times_faster_than_alone"]))
    with server(folder, *MODES["batches of 32"]) as batching, server(folder, *MODES["one at a time"]) as single:
        cases = interleaved({"batches of 32": batching, "one at a time": single}, texts)
    export = json.loads((Path(folder) / "export.json").read_text(encoding="utf-8"))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    record = {
        "command": f"python benchmarks/serve.py exported {output}",
        "commit": commit.stdout.strip(),
        "model": {"sha256": export["source_weights"], "opset": export["opset"]},
        "traffic": "movie reviews of the test split, closed loop",
        "modes": MODES,
        "seconds_per_round": SECONDS,
        "padding": padded,
        "cases": cases,
        "load_average": {"before": before, "after": load_average(), "processors": os.cpu_count()},
        "machine": asdict(machine()),
        "versions": {**versions(), "httpx": httpx.__version__},
    }
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
