"""One storage for several processes, and for those that come after one that was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sinkd_plugin.sweep.sweep import load_sweep, run_sweep

WriteSweep = Callable[..., Path]
QUIET = {**os.environ, "OMP_NUM_THREADS": "1"}
GRID: dict[str, Any] = {
    "sampler": "grid",
    "trials": None,
    "space": {"distillation.sinkd.weight": [0.1, 0.8], "optimizer.learning_rate": [1e-4, 1e-3]},
}


def start(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sinkd_plugin", "sweep", str(path), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=QUIET)


def under_way(folder: Path) -> bool:
    """Whether a student is being trained after another one has ended."""
    ended = {path.stem for path in (folder / "outcomes").glob("*.json")}
    training = {path.parent.name for path in (folder / "runs").glob("*/metrics.jsonl")}
    return bool(ended) and bool(training - ended)


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["file", "database"])
def test_two_processes_share_the_trials(storage: str, write_sweep: WriteSweep, tmp_path: Path) -> None:
    """And of two that see no common folder, as two machines, each has its own teacher."""
    where = str(tmp_path / "trials") if storage == "file" else f"sqlite:///{tmp_path / 'trials.db'}"
    folders = ["work", "work"] if storage == "file" else ["one", "two"]
    paths = [
        write_sweep(f"sweep{number}", storage=where, folder=str(tmp_path / folder), **GRID)
        for number, folder in enumerate(folders)
    ]
    running = [start(path) for path in paths]
    said = [process.communicate(timeout=600) for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    trials = run_sweep(load_sweep(paths[0]))
    assert len({json.dumps(each.setting) for each in trials}) == 4
    if storage == "database":
        return  # two that began at the same moment may have begun with the same setting
    assert len(trials) == 4
    made = [len(list((tmp_path / folder / "outcomes").glob("*.json"))) for folder in dict.fromkeys(folders)]
    assert sum(made) == 4


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143)])
def test_what_a_stopped_process_was_at_is_tried_again_by_the_next(
    number: signal.Signals, code: int, write_sweep: WriteSweep, tmp_path: Path
) -> None:
    long = {"space": {**GRID["space"], "optimizer.epochs": [30]}}
    path = write_sweep(**{**GRID, **long})
    process = start(path)
    deadline = time.monotonic() + 300
    while not under_way(tmp_path / "work"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate()
    assert process.returncode == code
    done = start(path)
    out, said = done.communicate(timeout=600)
    assert done.returncode == 0, said
    assert "was cut short and is tried again" in said
    trials = json.loads(out)["trials"]
    assert len(trials) == 4
    assert len({json.dumps(each["setting"]) for each in trials}) == 4
    assert all(each["score"] is not None for each in trials)


def test_processes_that_train_together_are_not_those_that_share_trials(write_sweep: WriteSweep) -> None:
    command = [sys.executable, "-m", "sinkd_plugin", "sweep", str(write_sweep())]
    environment = {**QUIET, "WORLD_SIZE": "2", "RANK": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert "A sweep's processes share trials, and no training. Received: torchrun with 2 processes." in done.stderr


def test_without_optuna_the_extra_is_named() -> None:
    script = (
        "import sys; sys.modules['optuna'] = None; from sinkd_plugin.cli.main import main; main(['sweep', 'x.yaml'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "This needs the package 'optuna'. Run: pip install 'sinkd-plugin[sweep]'" in done.stderr
