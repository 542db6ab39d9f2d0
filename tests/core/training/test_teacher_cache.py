"""A teacher speaks once: for later runs, for two at a time, and again only where its words were damaged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from sinkd_plugin.errors import UserError
from sinkd_plugin.training.config import RunConfig, plain
from sinkd_plugin.training.run import run

Configure = Callable[..., RunConfig]
SHORT: dict[str, Any] = {"baselines": {}, "teacher.finetune.epochs": 1, "optimizer.epochs": 1}


@pytest.fixture
def shared(configure: Configure, tmp_path: Path) -> Callable[..., RunConfig]:
    """Runs in folders of their own that share a cache."""

    def make(name: str, **changes: Any) -> RunConfig:
        return configure({**SHORT, "training.teacher_cache": str(tmp_path / "cache"), **changes}, tmp_path / name)

    return make


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache").glob("*/logits.safetensors"))


def test_another_run_takes_what_the_teacher_has_said(
    shared: Callable[..., RunConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shared("one"))
    (first,) = kept(tmp_path)
    assert "8 bytes an example" in capsys.readouterr().err
    written = first.stat().st_mtime_ns
    run(shared("two", **{"optimizer.learning_rate": 1e-4}))
    assert first.stat().st_mtime_ns == written
    assert f"Teacher's logits: taken from {first.parent}" in capsys.readouterr().err
    run(shared("three", **{"data.max_length": 12}))
    assert len(kept(tmp_path)) == 2, "texts that are cut elsewhere are other texts"


def test_what_was_damaged_is_computed_again(
    shared: Callable[..., RunConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shared("one"))
    (path,) = kept(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:-4] + b"\0\0\0\1")
    run(shared("two"))
    assert "is not the file that was written, so they are computed again" in capsys.readouterr().err
    assert path.read_bytes() == content


def test_a_folder_that_no_run_made_is_refused(shared: Callable[..., RunConfig], tmp_path: Path) -> None:
    run(shared("one"))
    (path,) = kept(tmp_path)
    (path.parent / "sinkd.json").unlink()
    with pytest.raises(UserError, match=r"A teacher cache must not replace what no run has made"):
        run(shared("two"))
    assert path.is_file()


@pytest.mark.slow
def test_two_runs_at_once_share_one(shared: Callable[..., RunConfig], tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(json.dumps(plain(shared(name))), encoding="utf-8")
    command = [sys.executable, "-m", "sinkd_plugin", "distill"]
    running = [
        subprocess.Popen([*command, str(tmp_path / f"{name}.json")], env={**os.environ, "OMP_NUM_THREADS": "1"})
        for name in ("one", "two")
    ]
    assert [process.wait(timeout=300) for process in running] == [0, 0]
    assert len(kept(tmp_path)) == 1
    weights = [(tmp_path / name / "student" / "model.safetensors").read_bytes() for name in ("one", "two")]
    assert weights[0] == weights[1]


def test_rows_of_another_teacher_are_not_used_and_a_line_says_why(
    shared: Callable[..., RunConfig], configure: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shared("one"))
    (first,) = kept(tmp_path)
    capsys.readouterr()
    run(shared("two", **{"teacher.finetune.epochs": 2}))
    assert f"those in {first.parent} are not used, being of another teacher" in capsys.readouterr().err
    own = configure(SHORT, tmp_path / "own")
    run(own)
    run(configure({**SHORT, "data.max_length": 12}, tmp_path / "own"), overwrite=True)
    assert f"those in {tmp_path / 'own' / 'teacher_logits'} are not used, being of another teacher, data" in (
        capsys.readouterr().err
    )


def test_rows_under_a_name_that_is_not_theirs_are_refused(shared: Callable[..., RunConfig], tmp_path: Path) -> None:
    run(shared("one"))
    (one,) = kept(tmp_path)
    run(shared("two", **{"training.seed": 5}))
    (two,) = {*kept(tmp_path)} - {one}
    shutil.rmtree(one.parent)
    shutil.copytree(two.parent, one.parent)
    with pytest.raises(UserError, match=r"must hold what its name says.*of another teacher.*Remove that folder"):
        run(shared("three"))


def test_one_of_two_labels_and_the_rest_are_all_there_is(
    shared: Callable[..., RunConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shared("whole"))
    run(shared("largest", **{"training.teacher_top_k": 1}))
    said = capsys.readouterr().err
    assert "12 bytes an example" in said
    assert "being of another top k, temperature" in said
    assert len(kept(tmp_path)) == 2
    one, other = (load_file(tmp_path / name / "student" / "model.safetensors") for name in ("whole", "largest"))
    assert max(float((one[name] - other[name]).abs().max()) for name in one) < 1e-5
