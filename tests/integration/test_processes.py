"""`torchrun -m sinkd_plugin distill`: several processes train what one does, and end together."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
FAILING = Path(__file__).with_name("failing_process.py")


@pytest.fixture(scope="module")
def config_file(
    run_settings: dict[str, Any], make_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Without dropout, which each process draws for itself; 96 examples in steps of 19, so that shares are ragged."""
    settings = copy.deepcopy(run_settings)
    settings["teacher"]["model"] = str(make_model(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0))
    settings["training"].update({"group_size": 19, "micro_batch_size": 4, "output_dir": "run"})
    path = tmp_path_factory.mktemp("processes") / "config.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


def torchrun(processes: int, *words: str | Path, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes), *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout, env=environment)


def distance(one: Path, other: Path) -> float:
    from safetensors.torch import load_file

    first, second = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    squares = sum(float((first[name].double() - second[name].double()).pow(2).sum()) for name in second)
    return float((squares / sum(float(value.double().pow(2).sum()) for value in second.values())) ** 0.5)


def losses(folder: Path) -> list[tuple[str, int, float]]:
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [(line["student"], line["step"], line["total_loss"]) for line in map(json.loads, lines)]


@pytest.fixture(scope="module")
def alone(config_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone") / "run"
    words = ["-m", "sinkd_plugin", "distill", str(config_file), "--set", f"training.output_dir={folder}"]
    subprocess.run([sys.executable, *words], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return folder


@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_train_what_one_does(processes: int, config_file: Path, alone: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = torchrun(processes, "-m", "sinkd_plugin", "distill", config_file, "--set", f"training.output_dir={folder}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(str(folder / "student")) == 1, "one process speaks for all"
    for model in ("teacher", "student", "baselines/kl"):
        assert distance(folder / model, alone / model) < 1e-5  # rounding, after dozens of steps of Adam
    found, wanted = losses(folder), losses(alone)
    assert [line[:2] for line in found] == [line[:2] for line in wanted]
    assert [line[2] for line in found] == pytest.approx([line[2] for line in wanted], rel=1e-5)
    results = [json.loads((each / "result.json").read_text(encoding="utf-8")) for each in (folder, alone)]
    assert results[0]["student"]["test"] == results[1]["student"]["test"]


def test_compiled_processes_train_what_one_does(config_file: Path, alone: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    changes = [f"training.output_dir={folder}", "training.torch_compile=true", "baselines={}"]
    words = [word for change in changes for word in ("--set", change)]
    done = torchrun(2, "-m", "sinkd_plugin", "distill", config_file, *words, timeout=900)
    assert done.returncode == 0, done.stderr
    assert "torch.compile does not work" not in done.stderr
    for model in ("teacher", "student"):
        assert distance(folder / model, alone / model) < 1e-4


@pytest.mark.parametrize("fault", ["raised", "killed"])
def test_a_process_that_fails_ends_all(fault: str, config_file: Path, tmp_path: Path) -> None:
    done = torchrun(2, FAILING, fault, config_file, tmp_path / "run", timeout=120)  # a hang would take half an hour
    assert done.returncode != 0
    cause = done.stderr.split("Root Cause", 1)[1]
    assert "rank      : 1" in cause, "torchrun names the process that failed, not the one that lost it"
    if fault == "raised":
        assert "no memory is left on process 1" in cause
        assert "Error in process 1 of 2:" in done.stderr
        assert "Error in process 0 of 2: A run goes on only while every process does." in done.stderr
    assert not (tmp_path / "run" / "student").exists()


def test_a_run_whose_process_was_killed_goes_on_to_the_same_bits(config_file: Path, tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("whole", "killed")}
    every = ["--set", "training.checkpoints.steps=3"]
    command = ["-m", "sinkd_plugin", "distill", str(config_file), *every]
    whole = torchrun(2, *command, "--set", f"training.output_dir={folders['whole']}")
    assert whole.returncode == 0, whole.stderr
    killed = torchrun(2, FAILING, "killed", config_file, folders["killed"], "20", *every, timeout=120)
    assert killed.returncode != 0
    assert not (folders["killed"] / "student").exists()
    again = torchrun(2, *command, "--resume", "--set", f"training.output_dir={folders['killed']}")
    assert again.returncode == 0, again.stderr
    assert "Going on after step 6 of 12" in again.stderr
    for model in ("teacher", "student", "baselines/kl"):
        bits = [(folder / model / "model.safetensors").read_bytes() for folder in folders.values()]
        assert bits[0] == bits[1], model
    assert losses(folders["killed"]) == losses(folders["whole"])


def test_a_mistake_is_told_by_one_process(config_file: Path) -> None:
    done = torchrun(2, "-m", "sinkd_plugin", "distill", config_file, "--set", "task=nothing", timeout=120)
    assert done.returncode != 0
    assert done.stderr.count("No task is called 'nothing'.") >= 1
    assert "Error in process 1 of 2: A run goes on only while every process does." in done.stderr


def test_more_processes_than_examples_of_a_step(config_file: Path) -> None:
    change = ["--set", "training.group_size=1", "--set", "training.micro_batch_size=1"]
    done = torchrun(2, "-m", "sinkd_plugin", "distill", config_file, *change, timeout=120)
    assert "'training.group_size' must be at least the number of processes. Received: 1 for 2 processes" in done.stderr
