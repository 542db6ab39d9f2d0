"""A real study of seconds: two methods and an ablation on the small run, done once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sinkd_plugin.study.config import StudyConfig
from sinkd_plugin.study.rows import Row
from sinkd_plugin.study.study import load_study, run_study


@pytest.fixture(scope="session")
def study_settings(run_settings: dict[str, Any]) -> dict[str, Any]:
    base = {name: value for name, value in run_settings.items() if name != "baselines"}
    base["optimizer"] = {**base["optimizer"], "epochs": 1}
    return {
        "name": "tiny",
        "question": "Does a study run?",
        "base": base,
        "tasks": {"tiny": {}},
        "pairs": {"two-layers": {}},
        "methods": {
            "ce": {"set": {"distillation.hard_label_weight": 1.0, "distillation.kd_loss_weight": 0.0}},
            "kl": {"title": "KL", "set": {"distillation.sinkd": None}},
            "sinkd": {"title": "KL + SinKD", "search": {"distillation.sinkd.weight": [0.1, 0.8]}},
            "broken": {"set": {"optimizer.learning_rate": 1e30}},
        },
        "undistilled": "ce",
        "seeds": [0, 1],
        "keep_seed": 1,
        "search": {"budget": 2},
        "ablations": {
            "lambda": {"methods": ["sinkd"], "key": "distillation.sinkd.regularization", "values": [0.05, 0.5]}
        },
    }


@pytest.fixture
def write_study(study_settings: dict[str, Any], tmp_path: Path) -> Callable[..., Path]:
    """The study's file with top-level keys changed, its folders beside it."""

    def write(**changes: Any) -> Path:
        folders = {"folder": str(tmp_path / "work"), "results": str(tmp_path / "results")}
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump({**study_settings, **folders, **changes}), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def finished_study(study_settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> StudyConfig:
    """The study, run to its end; tests must not change its folder."""
    folder = tmp_path_factory.mktemp("study")
    path = folder / "study.yaml"
    folders = {"folder": str(folder / "work"), "results": str(folder / "results")}
    path.write_text(yaml.safe_dump({**study_settings, **folders}), encoding="utf-8")
    study = load_study(path)
    run_study(study)
    return study


@pytest.fixture(scope="session")
def make_row() -> Callable[..., Row]:
    """A row of results that nobody has run: of KL on CoLA, but for what is given."""

    def make(**changes: Any) -> Row:
        about = {"task": "cola", "pair": "small", "method": "kl", "ablation": "", "setting": "{}", "seed": 0}
        scored = {"split": "test", "benchmark": "glue/cola", "status": "done", "metric": "matthews_correlation"}
        models = {"score": 0.5, "teacher": 0.6, "architecture": "encoder", "n": 100, "key": "0"}
        return Row(**{**about, **scored, **models, **changes})

    return make


@pytest.fixture(scope="session")
def make_study() -> Callable[..., StudyConfig]:
    """A study of CoLA that is never run, with top-level keys changed."""

    def make(**changes: Any) -> StudyConfig:
        plain = {
            "name": "paper",
            "question": "Which?",
            "folder": "work",
            "results": "results",
            "base": {},
            "tasks": {"cola": {}},
            "pairs": {"small": {}},
            "methods": {"ce": {}, "kl": {"title": "KL"}, "sinkd": {"title": "KL + SinKD"}},
        }
        return StudyConfig.model_validate({**plain, **changes})

    return make
