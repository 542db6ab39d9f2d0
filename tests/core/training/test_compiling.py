"""``training.torch_compile``: the same training in compiled code, or as ever with a line that says why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.run import run

Configure = Callable[..., RunConfig]
SHORT: dict[str, Any] = {"baselines": {}, "teacher.finetune.epochs": 1, "training.micro_batch_size": 6}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def student(config: RunConfig) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(config.training.output_dir / "student" / "model.safetensors")
    return found


def losses(config: RunConfig) -> list[float]:
    text = (config.training.output_dir / "metrics.jsonl").read_text(encoding="utf-8")
    return [json.loads(line)["total_loss"] for line in text.splitlines()]


@pytest.mark.slow
def test_compiled_and_not_train_the_same(
    configure: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With dropout, in groups of several micro-batches: both draw the same, and in both forward passes."""
    as_ever, compiled = configure(SHORT), configure({**SHORT, "training.torch_compile": True}, tmp_path / "compiled")
    run(as_ever)
    run(compiled)
    assert "torch.compile does not work" not in capsys.readouterr().err
    assert losses(compiled) == pytest.approx(losses(as_ever), rel=1e-4)
    one, other = student(compiled), student(as_ever)
    assert max(float((one[name] - other[name]).abs().max()) for name in other) < 1e-4
    assert any(not torch.equal(one[name], other[name]) for name in other), "nothing was compiled"


def test_where_nothing_can_be_compiled_a_line_says_why(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch._inductor.config.cpp.cxx", (None, str(tmp_path / "no-compiler")))
    monkeypatch.setattr("torch._inductor.config.force_disable_caches", True)
    as_ever = configure(SHORT)
    uncompiled = configure({**SHORT, "training.torch_compile": True}, tmp_path / "uncompiled")
    run(as_ever)
    run(uncompiled)
    assert "torch.compile does not work here, so the model runs without it:" in capsys.readouterr().err
    one, other = student(uncompiled), student(as_ever)
    assert all(torch.equal(one[name], other[name]) for name in other)
