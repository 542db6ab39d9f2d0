from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

from sinkd_zoo.index import Student
from sinkd_zoo.publish import publish
from tests.zoo.serving import Served, serving

WriteRun = Callable[..., Path]
Sinkd = Callable[..., "subprocess.CompletedProcess[str]"]
Serve = Callable[..., Served]

README = "---\nlicense: apache-2.0\n---\n# A student\n"
RESULT: dict[str, Any] = {
    "task": "movie-reviews",
    "architecture": "encoder",
    "seed": 7,
    "student": {
        "test": {"accuracy": 0.81, "f1": 0.8, "matthews_correlation": 0.62},
        "n": 1000,
        "interval": {"accuracy": [0.78, 0.84]},
        "agreement_with_teacher": 0.9,
        "parameters": 12_345,
        "folder": "/home/ada/run/student",
    },
    "teacher": {"test": {"accuracy": 0.86}, "n": 1000, "folder": "/home/ada/run/teacher"},
    "baselines": {"kl": {"test": {"accuracy": 0.8}, "n": 1000, "folder": "/home/ada/run/baselines/kl"}},
    "versions": {"torch": "2.13.0"},
}
CONFIG = {
    "teacher": {"model": "/home/ada/teacher"},
    "student": {"from_teacher_layers": [0, 2]},
    "distillation": {"temperature": 2},
}


@pytest.fixture(autouse=True)
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache and a zoo of this test's own; subprocesses inherit both."""
    folder = tmp_path / "zoo"
    monkeypatch.setenv("SINKD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SINKD_ZOO", str(folder))
    return folder


@pytest.fixture
def write_run(tmp_path: Path, finish_run: Callable[..., None]) -> WriteRun:
    """Write a run folder as the trainer does, with real safetensors of the given seed."""

    def write(name: str = "run", *, seed: int = 0, **changes: Any) -> Path:
        run = tmp_path / name
        (run / "student").mkdir(parents=True)
        weights = np.random.default_rng(seed).normal(size=(64, 64)).astype(np.float32)
        save_file({"weight": weights}, run / "student" / "model.safetensors")
        (run / "student" / "config.json").write_text('{"model_type": "bert"}')
        (run / "student" / "README.md").write_text(README)
        finish_run(run, **changes)
        return run

    return write


@pytest.fixture
def finish_run() -> Callable[..., None]:
    """Write what lies beside ``student/`` in a run folder."""

    def finish(run: Path, **changes: Any) -> None:
        (run / "result.json").write_text(json.dumps({**RESULT, **changes}))
        (run / "config.yaml").write_text(yaml.safe_dump(CONFIG))

    return finish


@pytest.fixture
def sinkd() -> Sinkd:
    """Run the real command in a process of its own."""

    def run(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sinkd_plugin", "zoo", *map(str, arguments)]
        environment = {**os.environ, "COLUMNS": "200"}
        process = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=900, check=False)
        assert process.returncode == code, process.stderr
        assert "Traceback" not in process.stderr
        return process

    return run


@pytest.fixture
def student(zoo: Path, write_run: WriteRun) -> Student:
    """A student of 400 kB in the zoo."""
    run = write_run()
    weights = np.random.default_rng(1).normal(size=(100_000,)).astype(np.float32)
    save_file({"weight": weights}, run / "student" / "model.safetensors")
    return publish(run, zoo, "mine")


@pytest.fixture
def serve(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serve the zoo under these rules, and set ``SINKD_ZOO`` to the address."""
    with ExitStack() as servers:

        def start(*rules: dict[str, Any], **settings: Any) -> Served:
            server = servers.enter_context(serving(zoo, rules, **settings))
            monkeypatch.setenv("SINKD_ZOO", server.url)
            return server

        yield start
