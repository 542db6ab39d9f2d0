"""Whole runs that distil sequences: each method, what is kept, what is shared, and what is refused."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.sequence.methods import METHODS
from sinkd_plugin.tasks.kinds import METRICS_OF
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.evaluate import evaluate, evaluation_options
from sinkd_plugin.training.run import run
from sinkd_plugin.training.scores_table import print_scores
from tests.core.sequence.conftest import TEACHERS

Configure = Callable[..., RunConfig]

BASELINES = {
    "pre": {"sequence": None},
    **{name: {"sequence.method": name} for name in METHODS if name not in ("js", "kl")},
    "mle_then_kl": {"sequence.method": "kl", "sequence.warm_start": "mle"},
    "exact": {"sequence.method": "reverse_kl", "sequence.exact_gradient": True, "sequence.per": "sequence"},
    "transport": {"sequence.method": "kl", "distillation.sinkd": {"weight": 0.1}},
}


@dataclass(frozen=True)
class Done:
    config: RunConfig
    folder: Path
    result: dict[str, Any]

    def student(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.result["student"] if name == "js" else self.result["baselines"][name]
        return found

    def weights(self, name: str) -> dict[str, Any]:
        folder = self.folder / ("student" if name == "js" else f"baselines/{name}")
        return load_file(folder / "model.safetensors")

    def lines(self, student: str) -> list[dict[str, Any]]:
        text = (self.folder / "metrics.jsonl").read_text(encoding="utf-8")
        return [line for line in map(json.loads, text.splitlines()) if line["student"] == student]


@pytest.fixture(scope="module", params=["t5", "gpt_neo"])
def done(request: pytest.FixtureRequest, sequence_run: Configure, tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp(request.param) / "run"
    config = sequence_run(request.param, folder, {"baselines": BASELINES})
    return Done(config=config, folder=folder, result=run(config))


@pytest.mark.slow
def test_every_student_is_scored_and_its_risks_are_told(done: Done) -> None:
    assert (done.result["task"], done.result["metric"]) == ("pairs", "bleu")
    for name in ("js", *BASELINES):
        scores = done.student(name)
        assert set(scores["test"]) == set(scores["interval"]) == set(METRICS_OF["generation"])
        assert scores["n"] == scores["sequences"]["n"] == 12
        for risk in ("likelihood_risk", "coverage_risk"):
            assert 0 < scores["sequences"][risk] < 20
        assert 0 < scores["sequences"]["teacher_distinct_bigrams"] <= 1
        assert 0 <= scores["agreement_with_teacher"] <= 1
    shares = {done.student(name)["sequences"]["teacher_distinct_bigrams"] for name in ("js", *BASELINES)}
    assert len(shares) == 1, "it is one teacher's"


@pytest.mark.slow
def test_every_method_moves_the_student_on_from_its_warm_start(done: Done) -> None:
    start = done.weights("pre")
    for name in ("js", *BASELINES):
        moved = any(not value.equal(start[key]) for key, value in done.weights(name).items())
        assert moved == (name != "pre")


@pytest.mark.slow
def test_the_plain_student_is_the_warm_start_of_the_others(done: Done) -> None:
    starts = [load_file(path) for path in sorted(done.folder.glob("warm_starts/*/model.safetensors"))]
    assert len(starts) == 3, "one by KD, one by KD with transport, one by the references alone"
    plain = done.weights("pre")
    assert sum(all(value.equal(plain[key]) for key, value in start.items()) for start in starts) == 1


@pytest.mark.slow
def test_the_teacher_writes_each_kind_of_samples_once(done: Done) -> None:
    records = [json.loads(path.read_text()) for path in done.folder.glob("teacher_samples/*/sinkd.json")]
    kinds = sorted((record["split"], record["decoding"]["sample"], record["decoding"]["beams"]) for record in records)
    assert kinds == [("test", True, 1), ("train", False, 5), ("train", True, 1)]


@pytest.mark.slow
def test_the_journal_tells_the_parts_apart(done: Done) -> None:
    assert len(done.lines("student.warm_start")) == len(done.lines("student")) == 6
    last = done.lines("student")[-1]
    halves = [last[f"unweighted_js_loss_on_{writer}"] for writer in ("teacher", "student")]
    assert last["total_loss"] == pytest.approx(sum(halves) / 2, rel=1e-5)
    transport = done.lines("transport")[-1]
    assert transport["total_loss"] == pytest.approx(
        transport["unweighted_kl_loss_on_teacher"] + 0.1 * transport["unweighted_sinkhorn_loss_on_teacher"], rel=1e-4
    )


@pytest.mark.slow
def test_the_cards_say_how_the_students_came_about(done: Done, capsys: pytest.CaptureFixture[str]) -> None:
    card = (done.folder / "student" / "README.md").read_text(encoding="utf-8")
    assert "distilled on whole sequences with `js`" in card
    assert "Likelihood risk" in card
    assert "| | BLEU | ROUGE-1 |" in card
    assert "whole sequences" not in (done.folder / "baselines" / "pre" / "README.md").read_text(encoding="utf-8")
    print_scores(done.result)
    shown = capsys.readouterr().out
    assert "coverage" in shown
    assert all(name in shown for name in ("teacher", "student", *BASELINES))


@pytest.mark.slow
def test_a_student_that_is_made_again_is_the_same_to_the_bit(done: Done, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(done.folder, copy)
    shutil.rmtree(copy / "student")
    shutil.rmtree(copy / "baselines" / "exact")
    elsewhere = done.config.training.model_copy(update={"output_dir": copy})
    result = run(done.config.model_copy(update={"training": elsewhere}))
    again = Done(config=done.config, folder=copy, result=result)
    for name in ("js", "exact"):
        assert again.student(name)["sequences"] == done.student(name)["sequences"]
        assert all(value.equal(done.weights(name)[key]) for key, value in again.weights(name).items())


@pytest.mark.slow
def test_the_folder_is_scored_again_as_it_was(done: Done) -> None:
    options = evaluation_options(str(done.folder), device="cpu")
    assert options.data.max_target_length == 5
    assert evaluate(str(done.folder), options)["test"] == done.result["student"]["test"]


@pytest.mark.slow
def test_a_student_from_nothing_comes_to_cover_its_teacher(sequence_run: Configure, tmp_path: Path) -> None:
    small = {"d_model": 16, "d_ff": 32, "num_layers": 1, "num_decoder_layers": 1, "num_heads": 2}
    optimizer = {"epochs": 8, "learning_rate": 1e-2, "batch_size": 16}
    changes = {
        "student": {"from_config": {**TEACHERS["t5"], **small}},
        "sequence": {"method": "kl", "warm_start": "none", "optimizer": optimizer},
    }
    result = run(sequence_run("t5", tmp_path / "run", changes))
    assert result["student"]["sequences"]["coverage_risk"] < 0.7 * math.log(40)
    assert not (tmp_path / "run" / "warm_starts").exists()


def test_a_small_run_distils_sequences_and_tells_its_risks(sequence_run: Configure, tmp_path: Path) -> None:
    changes = {"data.max_train_samples": 32, "teacher.finetune.epochs": 1, "sequence.warm_start": "none"}
    result = run(sequence_run("gpt_neo", tmp_path / "run", changes))
    assert set(result["student"]["test"]) == set(METRICS_OF["generation"])
    assert 0 < result["student"]["sequences"]["likelihood_risk"] < 20
    assert (tmp_path / "run" / "teacher_samples").is_dir()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sequence.samples": "student"}, r"'sequence': 'samples' must be both for the method js"),
        ({"sequence": {"method": "seqkd", "samples": "both"}}, r"'samples' must be teacher for the method seqkd"),
        (
            {"sequence": {"method": "seqkd", "exact_gradient": True}},
            r"'exact_gradient' is for sequences of the student",
        ),
        ({"sequence.method": "jsd"}, r"'sequence.method'"),
        ({"sequence.sampling.top_p": 1.5}, r"'sequence.sampling.top_p'"),
        ({"sequence.samplng": {}}, r"Unknown key 'sequence.samplng'\. Did you mean 'sampling'"),
        ({"baselines": {"a": {"sequence.method": "engine", "sequence.samples": "both"}}}, r"baselines.a.sequence'"),
    ],
)
def test_a_method_that_cannot_be_is_refused_when_it_is_read(
    sequence_run: Configure, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        sequence_run("t5", tmp_path / "run", changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"readout": "last"}, r"'readout' must be answer where a text is to be written"),
        ({"prompt": {"template": "{words}", "verbalisers": ["a", "b"]}}, r"'prompt.verbalisers' stand for labels"),
        ({"prompt": "summary"}, r"brings none.*prompt: \{template"),
    ],
)
def test_what_does_not_fit_a_text_is_refused_before_anything_is_trained(
    sequence_run: Configure, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        run(sequence_run("t5", tmp_path / "run", changes))
    assert not (tmp_path / "run").exists()


def test_labels_have_no_sequences_and_encoders_write_nothing(
    sequence_run: Configure, tmp_path: Path, make_model: Callable[..., Path], reviews_csv: dict[str, str]
) -> None:
    labels = {"files": reviews_csv, "text": "text", "label": "label"}
    prompt = {"template": "{text}", "verbalisers": ["one", "two"]}
    with pytest.raises(ConfigError, match=r"'sequence' needs a task whose answer is a text.*target: …"):
        run(sequence_run("t5", tmp_path / "run", {"task": labels, "prompt": prompt}))
    encoder = {"teacher": {"model": str(make_model())}, "sequence": None}
    with pytest.raises(ConfigError, match=r"written only by a generative model.*'encoder'.*such as T5 or GPT-2"):
        run(sequence_run("t5", tmp_path / "run", encoder))
