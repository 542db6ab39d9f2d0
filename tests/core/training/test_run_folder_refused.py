"""A run never replaces what no run has made, whatever it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sinkd_plugin.errors import UserError
from sinkd_plugin.training.config import checked, with_key
from sinkd_plugin.training.run import run


def settings(folder: Path, **changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "task": "reviews",
        "teacher": {"model": str(folder / "somewhere")},
        "student": {"from_teacher_layers": [0]},
        "training": {"output_dir": str(folder / "run"), "device": "cpu", "precision": "fp32"},
    }
    for key, value in changes.items():
        data = with_key(data, key.replace("__", "."), value)
    return data


def make_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def own_teacher(tmp_path: Path) -> dict[str, Any]:
    return settings(tmp_path, teacher__model=str(make_model(tmp_path / "run" / "teacher")))


def own_student_notes(tmp_path: Path) -> dict[str, Any]:
    make_model(tmp_path / "somewhere")
    (tmp_path / "run" / "student").mkdir(parents=True)
    (tmp_path / "run" / "student" / "thesis.txt").write_text("mine")
    return settings(tmp_path)


def own_config(tmp_path: Path) -> dict[str, Any]:
    make_model(tmp_path / "somewhere")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("# mine\ntask: reviews\n")
    return settings(tmp_path)


def linked_student(tmp_path: Path) -> dict[str, Any]:
    make_model(tmp_path / "somewhere")
    make_model(tmp_path / "elsewhere")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "student").symlink_to(tmp_path / "elsewhere")
    return settings(tmp_path)


def run_folder_is_a_file(tmp_path: Path) -> dict[str, Any]:
    make_model(tmp_path / "somewhere")
    (tmp_path / "run").write_text("mine")
    return settings(tmp_path)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("arrange", [own_teacher, own_student_notes, own_config, linked_student, run_folder_is_a_file])
def test_what_no_run_made_is_refused_and_left_alone(
    arrange: Callable[[Path], dict[str, Any]], overwrite: bool, tmp_path: Path
) -> None:
    config = checked(arrange(tmp_path))
    before = contents(tmp_path)
    with pytest.raises(UserError, match="The run folder must"):
        run(config, overwrite=overwrite)
    assert contents(tmp_path) == before
