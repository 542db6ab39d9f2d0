"""A run that was killed at any moment ends with the very bits of one that never was."""

from __future__ import annotations

import copy
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
DRIVER = Path(__file__).with_name("killed_run.py")
PROJECTION = ["linear", 32, 32]
QUIET = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def write(run_settings: dict[str, Any], tmp_path: Path) -> Callable[..., Path]:
    """A run with dropout, groups of several micro-batches, hidden layers, and a checkpoint every third step."""

    def make(name: str, **training: Any) -> Path:
        settings = copy.deepcopy(run_settings)
        settings["baselines"] = {}
        settings["optimizer"].update({"epochs": 12, "batch_size": 16})
        settings["teacher"]["finetune"].update({"epochs": 4})
        settings["distillation"]["intermediate_matches"] = [
            {
                "layer_T": 3,
                "layer_S": 2,
                "feature": "hidden",
                "loss": "hidden_mse",
                "weight": 1,
                "proj": ["linear", 32, 32],
            }
        ]
        folder = {"output_dir": str(tmp_path / name), "micro_batch_size": 6, "checkpoints": {"steps": 3}}
        settings["training"].update({**folder, **training})
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(settings), encoding="utf-8")
        return path

    return make


def distill(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sinkd_plugin", "distill", str(config), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=QUIET)


def bits(folder: Path) -> list[bytes]:
    return [(folder / model / "model.safetensors").read_bytes() for model in ("teacher", "student")]


def steps(folder: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def test_ten_deaths_change_no_bit(write: Callable[..., Path], tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    whole = distill(write("whole"))
    assert whole.returncode == 0, whole.stderr
    killed = subprocess.run(
        [sys.executable, str(DRIVER), str(write("killed")), str(seed), "10"],
        capture_output=True,
        text=True,
        check=False,
        env=QUIET,
    )
    assert killed.returncode == 0, f"seed {seed}: {killed.stdout} {killed.stderr}"
    sys.stdout.write(killed.stdout)
    assert bits(tmp_path / "killed") == bits(tmp_path / "whole"), killed.stdout
    assert steps(tmp_path / "killed") == list(range(12 * 6)), killed.stdout


def test_deaths_change_no_bit_of_compiled_models(write: Callable[..., Path], tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    whole = distill(write("whole", torch_compile=True))
    assert whole.returncode == 0, whole.stderr
    assert "torch.compile does not work" not in whole.stderr
    config = write("killed", torch_compile=True)
    killed = subprocess.run(
        [sys.executable, str(DRIVER), str(config), str(seed), "2"],
        capture_output=True,
        text=True,
        check=False,
        env=QUIET,
    )
    assert killed.returncode == 0, f"seed {seed}: {killed.stdout} {killed.stderr}"
    assert bits(tmp_path / "killed") == bits(tmp_path / "whole"), killed.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_the_next_call_goes_on(
    number: signal.Signals, code: int, write: Callable[..., Path], tmp_path: Path
) -> None:
    whole = distill(write("whole"))
    assert whole.returncode == 0, whole.stderr
    config, folder = write("stopped", checkpoints={"minutes": None}), tmp_path / "stopped"
    command = [sys.executable, "-m", "sinkd_plugin", "distill", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=QUIET)
    deadline = time.monotonic() + 600  # for a run that hangs, on a machine that is busy
    while not (folder / "metrics.jsonl").is_file() or len(steps_so_far(folder)) < 5:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(number)
    _, said = process.communicate(timeout=300)
    assert process.returncode == code, said
    assert f"Error: The run was stopped. Received: {number.name}; lost is nothing: the state is saved." in said
    assert not (folder / "student").exists()
    again = distill(config, "--resume")
    assert again.returncode == 0, again.stderr
    assert "Going on after step" in again.stderr
    assert bits(folder) == bits(tmp_path / "whole")
    assert steps(folder) == list(range(12 * 6))


def steps_so_far(folder: Path) -> list[str]:
    return (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
