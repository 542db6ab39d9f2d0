"""docs/textbrewer.md: its examples run, and its table is the log that the command beside it wrote."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "textbrewer.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(# (?:before|after)\n.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("run_log", ROOT / "docs" / "textbrewer" / "run_log.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_the_log(script: Any) -> None:
    log = json.loads(script.LOG.read_text(encoding="utf-8"))
    assert script.with_block(PAGE, script.block(log)) == PAGE


def test_every_distiller_and_every_loss_is_in_the_log_and_comes_down(script: Any) -> None:
    log = json.loads(script.LOG.read_text(encoding="utf-8"))
    assert set(log["runs"]) == set(script.KINDS)
    for runs in log["runs"].values():
        assert set(runs) == set(script.LOSSES)
        for run in runs.values():
            assert all(run["last"][name] < run["first"][name] for name in run["first"])


def test_the_log_can_be_written_again(script: Any, tmp_path: Path) -> None:
    log = json.loads(script.LOG.read_text(encoding="utf-8"))
    teachers = [script.trained_teacher(seed, str(tmp_path)) for seed in (0,)]
    name = "sinkd, weight 0.1"
    again = script.distilled("BasicDistiller", script.LOSSES[name], teachers, str(tmp_path))
    wanted = log["runs"]["BasicDistiller"][name]
    assert again["last"]["total_loss"] == pytest.approx(wanted["last"]["total_loss"], rel=0.05)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_run(example: str, script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scope = {"teacher": script.Classifier(64), "student": script.Classifier(8), "adaptor": script.adaptor}
    exec(example, scope)
    built: Any = scope.get("distiller") or scope.get("trainer")
    batch = next(iter(script.Batches(0)))
    step = (batch, "topic") if "MultiTask" in type(built).__name__ else batch
    assert built.train_on_batch(step, {}) is not None


def test_there_is_a_before_and_an_after_for_each() -> None:
    names = ("BasicDistiller", "GeneralDistiller", "MultiTeacherDistiller", "MultiTaskDistiller", "BasicTrainer")
    assert len(EXAMPLES) == 2 * len(names)
    for number, name in enumerate(names):
        before, after = EXAMPLES[2 * number : 2 * number + 2]
        assert re.search(rf"from textbrewer import.*{name}", before)
        assert re.search(rf"from sinkd_plugin\.textbrewer import.*{name}", after)
