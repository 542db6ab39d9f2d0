"""Real server processes on the loopback interface."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sinkd_export.runtime import Prediction, Student

QUICK_STOP = ("--drain-seconds", "0.2")


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server."""

    url: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def stop(self) -> str:
        """Ask it to end as service managers do; its last words. It must end well."""
        self.process.send_signal(signal.SIGTERM)
        _, words = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, words
        return words


@pytest.fixture(scope="session")
def start_server() -> Iterator[Callable[..., Server]]:
    """``start_server(folder, *words)`` runs ``sinkd serve`` on a free port until the tests have ended."""
    running: list[Server] = []

    def start(folder: Path, *words: str) -> Server:
        command = [sys.executable, "-m", "sinkd_plugin", "serve", str(folder), "--port", "0", *QUICK_STOP, *words]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        assert process.stderr is not None
        first = process.stderr.readline()
        found = re.fullmatch(r"Serving on (http://127\.0\.0\.1:\d+)\n", first)
        assert found, first + process.communicate()[1]
        running.append(Server(url=found[1], process=process))
        return running[-1]

    yield start
    for server in running:
        if server.process.poll() is None:
            server.process.kill()
            server.process.communicate()


@pytest.fixture(scope="session")
def student(exported: Path) -> Student:
    """What the servers serve, in this process."""
    return Student.load(exported)


@pytest.fixture(scope="session")
def agrees() -> Callable[[list[Prediction], list[Prediction]], bool]:
    """Whether answers are the expected ones, but for the last digits that padding moves."""

    def same(found: list[Prediction], expected: list[Prediction]) -> bool:
        return [answer["label"] for answer in found] == [answer["label"] for answer in expected] and all(
            answer["scores"] == pytest.approx(other["scores"], abs=1e-5)
            for answer, other in zip(found, expected, strict=True)
        )

    return same


@pytest.fixture(scope="session")
def samples() -> Callable[[str], dict[str, float]]:
    """``samples(page)``: the values of a page of metrics by name, with the status where there is one."""

    def read(page: str) -> dict[str, float]:
        return {
            sample.name + "".join(f"/{value}" for key, value in sample.labels.items() if key == "status"): sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
            if "le" not in sample.labels
        }

    return read
