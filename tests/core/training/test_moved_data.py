"""A run whose data has moved keeps its students, and they know where the data is now."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from sinkd_plugin.training.config import checked, plain
from sinkd_plugin.training.evaluate import evaluate, evaluation_options
from sinkd_plugin.training.run import run


def test_the_record_follows_the_data(finished_run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_run.folder, folder)
    settings = plain(finished_run.config)
    settings["training"]["output_dir"] = str(folder)
    moved = {
        split: str(shutil.copy(path, tmp_path / f"{split}.csv")) for split, path in settings["task"]["files"].items()
    }
    settings["task"]["files"] = moved
    weights = folder / "student" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    result = run(checked(settings), overwrite=True)
    assert weights.stat().st_mtime_ns == before, "the same texts and labels: nothing to train again"
    assert json.loads((folder / "student" / "sinkd.json").read_text())["task"]["files"] == moved
    options = evaluation_options(str(folder), task=None, data_dir=None, max_length=None, device="cpu")
    assert evaluate(str(folder), options)["test"] == result["student"]["test"]


def test_renamed_labels_are_another_task(finished_run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_run.folder, folder)
    first = json.loads((folder / "student" / "sinkd.json").read_text())["fingerprint"]
    settings = plain(finished_run.config)
    settings["training"]["output_dir"] = str(folder)
    settings["task"]["name"] = "renamed"
    run(checked(settings), overwrite=True)
    assert json.loads((folder / "student" / "sinkd.json").read_text())["fingerprint"] != first
