"""The quickstart as a user runs it, on a small slice of its data: a real teacher, real reviews, real files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.network]

SLICE = (
    "data.max_train_samples=320",
    "data.max_test_samples=200",
    "teacher.finetune.epochs=1",
    "optimizer.epochs=1",
)


def quickstart(folder: Path) -> tuple[dict[str, Any], str]:
    changes = [word for change in (*SLICE, f"training.output_dir={folder}") for word in ("--set", change)]
    command = [sys.executable, "-m", "sinkd_plugin", "quickstart", "--json", *changes]
    done = subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("quickstart") / "run"
    summary, _ = quickstart(folder)
    return folder, summary


def test_scores_stand_beside_each_other_with_n_and_intervals(finished: tuple[Path, dict[str, Any]]) -> None:
    result = finished[1]["result"]
    for scores in (result["teacher"], result["student"], result["baselines"]["kl"]):
        assert scores["n"] == 200
        for metric in ("accuracy", "f1", "matthews_correlation"):
            low, high = scores["interval"][metric]
            assert low <= scores["test"][metric] <= high
    assert result["student"]["agreement_with_teacher"] > 0.5


def test_the_student_is_half_as_deep_and_learned_something(finished: tuple[Path, dict[str, Any]]) -> None:
    result = finished[1]["result"]
    assert result["student"]["parameters"] < result["teacher"]["parameters"]
    assert result["student"]["test"]["accuracy"] > 0.5


def test_the_export_equals_pytorch(finished: tuple[Path, dict[str, Any]]) -> None:
    folder, summary = finished
    assert summary["parity"]["relative_difference"] <= summary["parity"]["tolerance"]
    assert (folder / "onnx" / "model.onnx").is_file()


def test_every_model_is_timed_at_every_shape(finished: tuple[Path, dict[str, Any]]) -> None:
    bench = finished[1]["bench"]
    timed = {(entry["model"], entry["shape"]["batch"], entry["shape"]["length"]) for entry in bench["measurements"]}
    models = [model["name"] for model in bench["models"]]
    assert len(models) == 3
    assert timed == {(model, *shape) for model in models for shape in ((1, 16), (1, 128), (8, 128))}


def test_the_report_needs_nothing_but_itself(finished: tuple[Path, dict[str, Any]]) -> None:
    page = Path(finished[1]["report"]).read_text(encoding="utf-8")
    assert page.count("<svg") == 3
    loaded = re.findall(r'(?:src|href)="(?!#)([^"]+)"', page)
    assert loaded == []


def test_the_student_opens_with_nothing_but_transformers(finished: tuple[Path, dict[str, Any]]) -> None:
    from transformers import pipeline

    classify = pipeline("text-classification", model=str(finished[0] / "student"))
    (answer,) = classify("A warm, funny and beautifully acted film.")
    assert answer["label"] in ("negative", "positive")


def test_a_second_call_trains_nothing_again(finished: tuple[Path, dict[str, Any]]) -> None:
    folder, first = finished
    weights = [folder / "teacher", folder / "student", folder / "baselines" / "kl"]
    before = [(path / "model.safetensors").stat().st_mtime_ns for path in weights]
    second, log = quickstart(folder)
    assert [(path / "model.safetensors").stat().st_mtime_ns for path in weights] == before
    assert second["result"] == first["result"]
    assert "Distilling" not in log
    assert "sinkd export" not in log


def test_the_plans_before_and_after_training_can_be_drawn(
    finished: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    example = Path(__file__).parents[2] / "examples" / "transport_plan.py"
    command = [sys.executable, str(example), str(finished[0]), str(tmp_path / "plan.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["before training", "after training"]
    assert (tmp_path / "plan.png").read_bytes().startswith(b"\x89PNG")
