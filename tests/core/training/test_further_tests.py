"""A task with several test splits, as MultiNLI: each is scored on its own."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sinkd_plugin.training.config import checked
from sinkd_plugin.training.evaluate import evaluate, evaluation_options
from sinkd_plugin.training.run import run
from sinkd_plugin.training.scores_table import print_scores

WORDS = {"entailment": "bright", "neutral": "and", "contradiction": "dull"}


def write(path: Path, count: int, seed: int) -> None:
    draw = random.Random(seed)
    lines = ["index\tsentence1\tsentence2\tgold_label"]
    for number in range(count):
        label = list(WORDS)[number % 3]
        filler = " ".join(draw.choices(("the", "film", "is", "story"), k=4))
        lines.append(f"{number}\t{filler} {number}\t{WORDS[label]}\t{label}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("mnli")
    for number, (stem, count) in enumerate({"train": 90, "dev_matched": 30, "dev_mismatched": 21}.items()):
        write(home / f"{stem}.tsv", count, number)
    return home


def test_both_developments_of_mnli_are_scored(
    folder: Path, make_model: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings: dict[str, Any] = {
        "task": "glue/mnli",
        "data_dir": str(folder),
        "data": {"max_length": 16},
        "teacher": {"model": str(make_model()), "finetune": {"epochs": 1, "learning_rate": 1e-3, "batch_size": 16}},
        "student": {"from_teacher_layers": [0]},
        "training": {"output_dir": str(tmp_path / "run"), "device": "cpu", "precision": "fp32"},
        "optimizer": {"epochs": 1, "batch_size": 16},
    }
    result = run(checked(settings))
    for model in (result["teacher"], result["student"]):
        assert model["n"] == 30
        further = model["further"]["test_mismatched"]
        assert further["n"] == 21
        assert set(further["test"]) == set(model["test"])
    assert 0 <= result["student"]["further"]["test_mismatched"]["agreement_with_teacher"] <= 1
    print_scores(result)
    shown = capsys.readouterr().out
    assert "glue/mnli: test split, n = 30" in shown
    assert "glue/mnli: test_mismatched split, n = 21" in shown
    card = (tmp_path / "run" / "student" / "README.md").read_text(encoding="utf-8")
    assert "Test mismatched split, n = 21" in card
    assert "split: test_mismatched" in card
    options = evaluation_options(str(tmp_path / "run"), task=None, data_dir=None, max_length=None, device="cpu")
    assert evaluate(str(tmp_path / "run"), options)["further"]["test_mismatched"]["n"] == 21
