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
def test_what_a_killed_process_was_at_is_tried_again_by_the_next(write_sweep: WriteSweep, tmp_path: Path) -> None:
    path = write_sweep(**GRID)
    process = start(path)
    deadline = time.monotonic() + 300
    while len(list((tmp_path / "work" / "outcomes").glob("*.json"))) < 1 or not any(
        (tmp_path / "work" / "runs").iterdir()
    ):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = start(path)
    out, said = done.communicate(timeout=600)
    assert done.returncode == 0, said
    assert "was cut short and is tried again" in said
    trials = json.loads(out)["trials"]
    assert len(trials) == 4
    assert len({json.dumps(each["setting"]) for each in trials}) == 4
    assert all(each["score"] is not None for each in trials)


def test_without_optuna_the_extra_is_named() -> None:
    script = (
        "import sys; sys.modules['optuna'] = None; from sinkd_plugin.cli.main import main; main(['sweep', 'x.yaml'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "This needs the package 'optuna'. Run: pip install 'sinkd-plugin[sweep]'" in done.stderr
