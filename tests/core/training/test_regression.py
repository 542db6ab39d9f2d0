"""Tasks whose answer is a number, as STS-B: distilled by mse, scored by correlations, refused to softmaxes."""

from __future__ import annotations

import copy
import csv
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.training.config import checked
from sinkd_plugin.training.evaluate import evaluate, evaluation_options
from sinkd_plugin.training.run import run

GOOD, BAD, FILLERS = ("bright", "warm"), ("dull", "cold"), ("the", "film", "is", "and", "story", "actor")


def write_scores(path: Path, count: int, seed: int) -> Path:
    """Texts whose score is the number of good words less that of bad ones."""
    draw = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("text", "score"))
        for number in range(count):
            score = (number % 9 - 4) / 2
            words = [draw.choice(GOOD if score > 0 else BAD) for _ in range(int(abs(score) * 2))]
            words += draw.choices(FILLERS, k=4)
            draw.shuffle(words)
            writer.writerow((" ".join(words), score))
    return path


@pytest.fixture(scope="module")
def settings(make_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("scores")
    files = {
        "train": str(write_scores(folder / "train.csv", 180, 0)),
        "test": str(write_scores(folder / "test.csv", 60, 1)),
    }
    return {
        "task": {"files": files, "text": "text", "label": "score", "kind": "regression", "name": "scores"},
        "data": {"max_length": 16},
        "teacher": {"model": str(make_model()), "finetune": {"epochs": 12, "learning_rate": 3e-3, "batch_size": 16}},
        "student": {"from_teacher_layers": [0, 2]},
        "training": {"output_dir": str(folder / "run"), "device": "cpu", "precision": "fp32"},
        "distillation": {"temperature": 1, "kd_loss_type": "mse"},
        "optimizer": {"learning_rate": 1e-3, "epochs": 3, "batch_size": 16},
        "baselines": {"labels": {"distillation.hard_label_weight": 1.0, "distillation.kd_loss_weight": 0}},
    }


@pytest.fixture(scope="module")
def result(settings: dict[str, Any]) -> dict[str, Any]:
    return run(checked(settings))


def test_a_student_learns_its_teachers_numbers(result: dict[str, Any]) -> None:
    assert (result["task"], result["metric"]) == ("scores", "pearson")
    assert result["teacher"]["test"]["pearson"] > 0.9
    assert result["student"]["test"]["spearman"] > 0.8
    assert result["baselines"]["labels"]["test"]["pearson"] > 0.8
    for model in (result["teacher"], result["student"]):
        assert set(model["test"]) == set(model["interval"]) == {"pearson", "spearman"}
        assert all(low <= model["test"][name] <= high for name, (low, high) in model["interval"].items())


def test_the_folder_says_what_it_is_and_is_scored_again(result: dict[str, Any], settings: dict[str, Any]) -> None:
    folder = Path(settings["training"]["output_dir"])
    card = (folder / "student" / "README.md").read_text(encoding="utf-8")
    assert "| | Pearson correlation | Spearman correlation |" in card
    assert "agrees with its teacher" not in card
    options = evaluation_options(str(folder), task=None, data_dir=None, max_length=None, device="cpu")
    assert evaluate(str(folder), options)["test"] == result["student"]["test"]


def test_the_teacher_minimises_the_squared_error(result: dict[str, Any], settings: dict[str, Any]) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = Path(settings["training"]["output_dir"]) / "teacher"
    model, tokenizer = (kind.from_pretrained(folder) for kind in (AutoModelForSequenceClassification, AutoTokenizer))
    texts = ["the film bright warm bright warm", "the film dull cold dull cold", "the film is the story"]
    with torch.no_grad():
        numbers = model.eval()(**tokenizer(texts, padding=True, return_tensors="pt")).logits.squeeze(-1)
    assert numbers.tolist() == pytest.approx([2, -2, 0], abs=0.8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kd_loss_type": "kl"}, r"distillation.kd_loss_type: kl\..*to mse and distillation.temperature to 1"),
        ({"kd_loss_type": ["sinkd", {"weight": 0.5}]}, r"distillation.kd_loss_type: sinkd"),
        ({"sinkd": {"weight": 0.8}}, r"Received: distillation.sinkd\."),
        ({"kd_loss_type": "ce", "sinkd": {}}, r"kd_loss_type: ce and distillation.sinkd"),
    ],
)
def test_losses_between_probabilities_are_refused_and_mse_is_offered(
    settings: dict[str, Any], change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    data = copy.deepcopy(settings)
    data["distillation"] |= change
    data["training"]["output_dir"] = str(tmp_path / "run")
    with pytest.raises(ConfigError, match=f"The one logit of the regression 'scores' is a number.*{message}"):
        run(checked(data))
    assert not (tmp_path / "run").exists()


def test_a_baselines_loss_is_named_with_its_path(settings: dict[str, Any], tmp_path: Path) -> None:
    data = copy.deepcopy(settings)
    data["baselines"] = {"kl": {"distillation.kd_loss_type": "kl"}}
    data["training"]["output_dir"] = str(tmp_path / "run")
    with pytest.raises(ConfigError, match=r"Received: baselines.kl.distillation.kd_loss_type: kl"):
        run(checked(data))
