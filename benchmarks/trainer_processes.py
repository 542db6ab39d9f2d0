"""Two gloo processes beside one, on the same run: how far the students differ, and how long both take."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from sinkd_plugin.references import resolve_model

GROUP, MICRO_BATCH = 64, 16
WITHOUT_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def two_processes() -> dict[str, Any]:
    """Losses, weights and accuracy after one step and after an epoch, and wall time of the epochs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        teacher = without_dropout(folder / "teacher")
        found: dict[str, Any] = {"group": GROUP, "micro_batch": MICRO_BATCH, "train": 256}
        for part, examples in (("one_step", GROUP), ("four_steps", 256)):
            runs = {count: distilled(folder, teacher, count, examples) for count in (1, 2)}
            found[part] = compared(runs[1], runs[2], teacher)
        return found


def without_dropout(folder: Path) -> Path:
    """A copy of a teacher without dropout, which each process draws for itself."""
    shutil.copytree(resolve_model("zoo:minilm-l3-reviews"), folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **WITHOUT_DROPOUT}))
    return folder


def distilled(folder: Path, teacher: Path, processes: int, examples: int) -> dict[str, Any]:
    """A run of one epoch: its folder, and the seconds between its first and its last loss."""
    target = folder / f"{processes}-{examples}"
    config = {
        "task": "reviews",
        "data": {"max_length": 64, "max_train_samples": examples, "max_test_samples": 300},
        "teacher": {"model": str(teacher)},
        "student": {"from_teacher_layers": [0, 2]},
        "training": {
            "output_dir": str(target),
            "device": "cpu",
            "precision": "fp32",
            "group_size": GROUP,
            "micro_batch_size": MICRO_BATCH,
        },
        "distillation": {"temperature": 2, "hard_label_weight": 0.1, "kd_loss_type": "kl", "sinkd": {"weight": 0.8}},
        "optimizer": {"epochs": 1, "learning_rate": 1e-4, "warmup": 0},
    }
    path = folder / f"{processes}-{examples}.json"
    path.write_text(json.dumps(config))
    command = [sys.executable, "-m", "sinkd_plugin", "distill", str(path)]
    if processes > 1:
        command[1:3] = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), "-m", "sinkd_plugin"]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **ONE_THREAD})
    assert done.returncode == 0, done.stderr
    steps = [json.loads(line) for line in (target / "metrics.jsonl").read_text().splitlines()]
    return {
        "folder": target,
        "losses": [step["total_loss"] for step in steps],
        "wall_seconds": time.monotonic() - started,
        "examples_per_second": steps[-1]["examples_per_second"],
    }


ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def compared(one: dict[str, Any], two: dict[str, Any], teacher: Path) -> dict[str, Any]:
    """How far two runs are from each other."""
    weights = [load_file(run["folder"] / "student" / "model.safetensors") for run in (one, two)]
    start = first_weights(teacher, weights[0])
    update = distance(weights[0], start)
    scores = [json.loads((run["folder"] / "result.json").read_text())["student"]["test"] for run in (one, two)]
    losses = zip(one["losses"], two["losses"], strict=True)
    return {
        "largest_relative_difference_of_losses": max(abs(a - b) / abs(a) for a, b in losses),
        "difference_of_weights_over_update": distance(*weights) / update,
        "difference_of_weights_over_weights": distance(*weights) / distance(weights[0], {}),
        "accuracy": [score["accuracy"] for score in scores],
        "wall_seconds": [run["wall_seconds"] for run in (one, two)],
        "examples_per_second": [run["examples_per_second"] for run in (one, two)],
    }


def first_weights(teacher: Path, like: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The student's before its first step: layers 0 and 2 of the teacher's."""
    weights = load_file(teacher / "model.safetensors")
    return {name: weights[name.replace("layer.1.", "layer.2.")] for name in like}


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """Euclidean, over all weights; what is absent is 0."""
    return sum(float((one[name].double() - other.get(name, torch.zeros(()))).square().sum()) for name in one) ** 0.5
