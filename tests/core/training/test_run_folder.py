"""What a finished run leaves behind, as others read it."""

from __future__ import annotations

import json
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import pytest
import transformers
import yaml

from sinkd_plugin.training.config import RunConfig, checked, plain
from sinkd_plugin.training.evaluate import evaluate, evaluation_options
from sinkd_plugin.training.run import run


class Finished(Protocol):
    config: RunConfig
    folder: Path
    result: dict[str, Any]


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_result_says_who_scored_what(finished_run: Finished) -> None:
    stored = json.loads((finished_run.folder / "result.json").read_text(encoding="utf-8"))
    assert stored == finished_run.result
    assert (stored["task"], stored["seed"], stored["scored_split"]) == ("tiny", 3, "test")
    assert stored["teacher"]["test"]["accuracy"] > 0.8, "one word decides: the teacher must learn this"
    assert stored["student"]["test"]["accuracy"] > 0.6
    for model in (stored["student"], stored["teacher"], stored["baselines"]["kl"]):
        assert model["n"] == 40
        for metric, value in model["test"].items():
            low, high = model["interval"][metric]
            assert low <= value <= high
    assert 0 <= stored["student"]["agreement_with_teacher"] <= 1


def test_the_stored_configuration_is_whole_and_gives_the_same_run(finished_run: Finished) -> None:
    stored = yaml.safe_load((finished_run.folder / "config.yaml").read_text(encoding="utf-8"))
    assert stored == plain(finished_run.config)
    assert checked(stored) == finished_run.config


def test_every_step_is_a_line_with_each_term(finished_run: Finished) -> None:
    found = lines(finished_run.folder)
    steps = 2 * 6  # epochs times batches of 16 out of 96
    assert [line["step"] for line in found if line["student"] == "student"] == list(range(steps))
    assert [line["step"] for line in found if line["student"] == "kl"] == list(range(steps))
    for line in found:
        weights = {"unweighted_hard_label_loss": 0.1, "unweighted_kd_loss": 0.9, "unweighted_sinkhorn_loss": 0.8}
        assert ("unweighted_sinkhorn_loss" in line) == (line["student"] == "student")
        total = sum(weight * line.get(term, 0) for term, weight in weights.items())
        assert line["total_loss"] == pytest.approx(total, rel=1e-5)


def test_plain_transformers_load_the_student(finished_run: Finished) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        classify = transformers.pipeline("text-classification", model=str(finished_run.folder / "student"), device=-1)
        answers = classify(["the film is lovely and bright", "the film is awful and dull"])
    assert {answer["label"] for answer in answers} <= {"good", "bad"}
    config = json.loads((finished_run.folder / "student" / "config.json").read_text(encoding="utf-8"))
    assert config["id2label"] == {"0": "bad", "1": "good"}
    assert config["label2id"] == {"bad": 0, "good": 1}
    assert config["num_hidden_layers"] == 2


def test_weights_are_safetensors_that_others_may_read(finished_run: Finished) -> None:
    files = [path for path in finished_run.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix in (".bin", ".pkl", ".pt", ".partial")]
    assert {path.parent.name for path in files if path.name == "model.safetensors"} == {"teacher", "student", "kl"}
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in files)


def test_the_card_has_the_metadata_that_hubs_read(finished_run: Finished) -> None:
    from huggingface_hub import ModelCard

    card = ModelCard.load(finished_run.folder / "student" / "README.md")
    scores = {result.metric_type: result.metric_value for result in card.data.eval_results}
    test = finished_run.result["student"]["test"]
    assert scores == {name: pytest.approx(value, abs=1e-4) for name, value in test.items()}
    assert "model-index" in card.data.to_yaml()
    assert card.data.library_name == "transformers"
    assert card.data.base_model is None, "a folder of this machine means nothing elsewhere"
    assert "0.1 · CE + 0.9 · KD + 0.8 · SD" in card.text


def test_the_tensorboard_log_holds_the_terms(finished_run: Finished) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        accumulator = import_module("tensorboard.backend.event_processing.event_accumulator")
        log = accumulator.EventAccumulator(str(finished_run.folder / "tensorboard" / "student"))
        log.Reload()
    assert "scalar/unweighted_sinkhorn_loss" in log.Tags()["scalars"]


def test_a_second_call_reuses_everything(finished_run: Finished) -> None:
    weights = finished_run.folder / "student" / "model.safetensors"
    before, journal = weights.stat().st_mtime_ns, lines(finished_run.folder)
    assert run(finished_run.config) == finished_run.result
    assert weights.stat().st_mtime_ns == before
    assert lines(finished_run.folder) == journal


def test_scoring_the_student_again_gives_the_score_of_the_run(finished_run: Finished) -> None:
    reference = str(finished_run.folder)  # a run folder stands for its student
    options = evaluation_options(reference, task=None, data_dir=None, max_length=None, device="cpu")
    assert options.data.max_length == 16
    assert evaluate(reference, options)["test"] == finished_run.result["student"]["test"]
