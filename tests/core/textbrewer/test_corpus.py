"""Scripts as their authors have them, with TextBrewer's own loss and with one line changed; each in a process."""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
SCRIPTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((HERE / "corpus").glob("*.py"))}
WAYS = ("stock", "run", "swap")


def changed(text: str, way: str) -> str:
    """The script for one way of starting it: the loss's name, and a trigger unless ``sinkd run`` is one."""
    if way == "stock":
        return text
    text = re.sub(r'(kd_loss_type"?[=:] ?)"ce"', r'\1"sinkd"', text)
    if way == "swap":
        line = re.search(r"from textbrewer import (.*)", text)
        assert line is not None
        names = {name: "sinkd_plugin." * name.endswith("Distiller") + "textbrewer" for name in line[1].split(", ")}
        text = text.replace(line[0], "\n".join(f"from {home} import {name}" for name, home in names.items()))
    return text


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("corpus")
    orders = []
    for name, text in SCRIPTS.items():
        for way in WAYS:
            script = root / f"{name}_{way}.py"
            script.write_text(changed(text, way), encoding="utf-8")
            orders.append([f"{name} {way}", str(script), way])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(HERE / "corpus_runner.py"), str(root)],
        input=json.dumps(orders),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def distances(result: dict[str, Any]) -> tuple[float, float]:
    """KL between student and teacher on the training data, before and after."""
    assert result["code"] == 0, result["said"]
    line = json.loads(result["said"].splitlines()[-1])
    return line["before"], line["after"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_one_line_is_all_that_changes(name: str) -> None:
    before, after = (changed(SCRIPTS[name], way).splitlines() for way in ("stock", "run"))
    difference = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    assert [line[0] for line in difference] == ["-", "+"]
    assert "kd_loss_type" in difference[0]


@pytest.mark.parametrize("way", ["stock", "run"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_student_comes_nearer_to_its_teacher(name: str, way: str, results: dict[str, Any]) -> None:
    before, after = distances(results[f"{name} {way}"])
    assert 0 < after < before


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_loss_is_another_one(name: str, results: dict[str, Any]) -> None:
    stock, ours = (distances(results[f"{name} {way}"]) for way in ("stock", "run"))
    assert stock[0] == ours[0], "they start alike"
    assert stock[1] != ours[1]


@pytest.mark.parametrize("name", sorted(set(SCRIPTS) - {"question_answering"}))
def test_our_classes_train_the_same_student(name: str, results: dict[str, Any]) -> None:
    wanted = distances(results[f"{name} run"])
    assert distances(results[f"{name} swap"]) == pytest.approx(wanted, rel=1e-3)


def test_our_class_says_what_textbrewers_leaves_out(results: dict[str, Any]) -> None:
    result = results["question_answering swap"]
    assert result["code"] == 1
    assert "With 'hard_label_weight' above 0 the student's adaptor must return 'losses'" in result["said"]
