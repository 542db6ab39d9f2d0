"""``checkpoints: {use_best: true}``: the student is that of the step that scored best on the validation split."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.run import run

Configure = Callable[..., RunConfig]
RUINED: dict[str, Any] = {
    "baselines": {},
    # the first step is taken at a rate of 0, so that the student is as its teacher's layers were; the others ruin it
    "optimizer": {"learning_rate": 3.0, "epochs": 2, "batch_size": 16, "warmup": 0.9},
    "training.checkpoints": {"steps": 1, "keep": 1, "best": "accuracy"},
}


def student(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "student" / "model.safetensors")


def checkpoint(folder: Path, step: int) -> dict[str, torch.Tensor]:
    record = json.loads((folder / "checkpoints" / "student" / f"step-{step:09d}" / "state.json").read_text())
    tensors = load_file(folder / "checkpoints" / "student" / f"step-{step:09d}" / "state.safetensors")
    assert record["step"] == step
    return {name: tensor for name, tensor in tensors.items() if tensor.dtype == torch.float32}


def differs(one: dict[str, torch.Tensor], kept: dict[str, torch.Tensor]) -> bool:
    """Whether a weight of the student is none of a checkpoint's tensors."""
    return any(not any(torch.equal(weight, tensor) for tensor in kept.values()) for weight in one.values())


def test_the_student_is_the_best_or_the_last(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    last = configure(RUINED)
    run(last)
    folder = last.training.output_dir
    best = json.loads((folder / "checkpoints" / "student" / "best.json").read_text(encoding="utf-8"))
    assert best["step"] < 12, "else this test says nothing"
    assert not differs(student(folder), checkpoint(folder, 12))
    assert differs(student(folder), checkpoint(folder, best["step"]))
    capsys.readouterr()
    result = run(configure({**RUINED, "training.checkpoints.use_best": True}), overwrite=True)
    said = capsys.readouterr().err
    assert f"Teacher: taken from {folder / 'teacher'}" in said
    assert f"Taking the student of step {best['step']}: accuracy" in said, "a finished student of the last step is none"
    assert not differs(student(folder), checkpoint(folder, best["step"]))
    assert result["student"]["test"]["accuracy"] > 0.6


def test_the_best_by_what_is_asked(configure: Configure) -> None:
    with pytest.raises(ConfigError, match=r"'use_best' needs the name of a metric in 'best'"):
        configure({"training.checkpoints": {"use_best": True}})
