"""Descriptions of sweeps over the small run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("optuna", reason="the extra [sweep] is not installed")


@pytest.fixture
def write_sweep(run_settings: dict[str, Any], tmp_path: Path) -> Callable[..., Path]:
    """The sweep's file with top-level keys changed; its folder is ``tmp_path / "work"``."""
    base = {name: value for name, value in run_settings.items() if name != "baselines"}
    base["optimizer"] = {**base["optimizer"], "epochs": 1}
    base["teacher"] = {**base["teacher"], "finetune": {**base["teacher"]["finetune"], "epochs": 2}}
    whole = {
        "name": "tiny",
        "folder": str(tmp_path / "work"),
        "base": base,
        "space": {
            "distillation.sinkd.weight": [0.1, 0.8],
            "optimizer.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
        },
        "sampler": "random",
        "trials": 3,
    }

    def write(name: str = "sweep", **changes: Any) -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**whole, **changes}), encoding="utf-8")
        return path

    return write
