"""Equal configurations give equal students, and interrupted runs end as uninterrupted ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest
import torch
import yaml
from safetensors.torch import load_file

from sinkd_plugin.errors import ConfigError, UserError
from sinkd_plugin.training.config import RunConfig, plain
from sinkd_plugin.training.distill import distill
from sinkd_plugin.training.journal import Journal
from sinkd_plugin.training.material import gather_material
from sinkd_plugin.training.prepare import prepare
from sinkd_plugin.training.run import run
from sinkd_plugin.training.teacher import teacher_stage

Configure = Callable[..., RunConfig]


class Finished(Protocol):
    config: RunConfig
    folder: Path
    result: dict[str, Any]


def weights(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = load_file(folder / "model.safetensors")
    return found


def largest_difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def test_the_same_seed_gives_the_same_bits(finished_run: Finished, configure: Configure) -> None:
    config = configure()
    run(config)
    for model in ("teacher", "student", "baselines/kl"):
        again, first = weights(config.training.output_dir / model), weights(finished_run.folder / model)
        assert largest_difference(again, first) == 0.0


def test_another_seed_gives_another_student(finished_run: Finished, configure: Configure) -> None:
    config = configure({"training.seed": 4, "baselines": {}})
    run(config)
    assert largest_difference(weights(config.training.output_dir / "student"), weights(finished_run.folder / "student"))


def test_a_teacher_at_every_step_gives_the_student_of_the_cache(finished_run: Finished, configure: Configure) -> None:
    config = configure({"training.teacher_cache": "off", "baselines": {}})
    run(config)
    difference = largest_difference(
        weights(config.training.output_dir / "student"), weights(finished_run.folder / "student")
    )
    assert difference < 1e-4  # float32 sums over differently padded batches


def test_a_baseline_without_changes_is_the_student(configure: Configure) -> None:
    config = configure({"baselines": {"twin": {}}})
    run(config)
    folder = config.training.output_dir
    assert largest_difference(weights(folder / "student"), weights(folder / "baselines" / "twin")) == 0.0


def test_students_start_with_the_teachers_tensors(configure: Configure) -> None:
    config = configure()
    prepared = prepare(config)
    stage = teacher_stage(config, prepared, config.training.output_dir / "teacher")
    teacher = gather_material(config, prepared, stage).teacher.state_dict()
    student = gather_material(config, prepared, stage).student.state_dict()
    for name, tensor in student.items():
        origin = name.replace("layer.1.", "layer.2.")  # layers 0 and 2 became 0 and 1
        assert torch.equal(tensor, teacher[origin]), name


def test_bf16_trains_too(configure: Configure) -> None:
    config = configure({"training.precision": "bf16", "baselines": {}, "teacher.finetune.epochs": 1})
    result = run(config)
    assert result["precision"] == "bf16"
    assert {tensor.dtype for tensor in weights(config.training.output_dir / "student").values()} == {torch.float32}


def test_another_configuration_needs_overwrite(finished_run: Finished, tmp_path: Path, configure: Configure) -> None:
    config = configure({"baselines": {}, "teacher.finetune.epochs": 1})
    run(config)
    other = configure({"baselines": {}, "teacher.finetune.epochs": 1, "distillation.temperature": 3})
    before = weights(config.training.output_dir / "student")
    with pytest.raises(UserError, match=r"holds one run.*--overwrite"):
        run(other)
    assert largest_difference(weights(config.training.output_dir / "student"), before) == 0.0
    run(other, overwrite=True)
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["distillation"]["temperature"] == 3
    assert largest_difference(weights(config.training.output_dir / "student"), before) > 0
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 12  # of the new student alone


def test_a_mistake_that_stopped_a_run_at_its_start_can_be_mended_in_place(configure: Configure) -> None:
    wrong = configure({"baselines": {}, "teacher.finetune": None})  # the encoder has no head to learn from
    with pytest.raises(UserError, match="needs a trained classification head"):
        run(wrong)
    run(configure({"baselines": {}, "teacher.finetune.epochs": 1}))


def test_a_moved_run_folder_is_still_the_same_run(configure: Configure, tmp_path: Path) -> None:
    changes = {"baselines": {}, "teacher.finetune.epochs": 1}
    first = configure(changes, tmp_path / "one")
    result = run(first)
    (tmp_path / "one").rename(tmp_path / "two")
    weights_file = tmp_path / "two" / "student" / "model.safetensors"
    before = weights_file.stat().st_mtime_ns
    assert run(configure(changes, tmp_path / "two"))["student"]["test"] == result["student"]["test"]
    assert weights_file.stat().st_mtime_ns == before


def test_only_what_changed_is_made_anew(configure: Configure) -> None:
    config = configure({"teacher.finetune.epochs": 1})
    run(config)
    folder = config.training.output_dir
    teacher, student = (folder / name / "model.safetensors" for name in ("teacher", "student"))
    before = teacher.stat().st_mtime_ns, student.stat().st_mtime_ns
    changed = configure({"teacher.finetune.epochs": 1, "baselines": {"js": {"distillation.kd_loss_type": "js"}}})
    result = run(changed, overwrite=True)
    assert (teacher.stat().st_mtime_ns, student.stat().st_mtime_ns) == before
    assert set(result["baselines"]) == {"js"}


def test_the_steps_of_an_interrupted_student_are_forgotten(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ["student", "kl"])
    for name, step in (("gone", 0), ("student", 0), ("kl", 0)):
        journal.write(student=name, step=step)
    with (tmp_path / "metrics.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"student": "kl", "st')  # what a power cut leaves
    journal = Journal(tmp_path, ["student", "kl"])
    journal.cut("student", 0)
    journal.write(student="student", step=0)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines == [{"student": "kl", "step": 0}, {"student": "student", "step": 0}]


@pytest.mark.slow
def test_a_run_killed_in_the_middle_is_finished_by_the_next(configure: Configure, tmp_path: Path) -> None:
    config = configure({"optimizer.epochs": 60, "baselines": {}, "teacher.finetune.epochs": 1})
    file, folder = tmp_path / "config.json", config.training.output_dir
    file.write_text(json.dumps(plain(config)), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "sinkd_plugin", "distill", str(file)], stderr=subprocess.DEVNULL, env={**os.environ}
    )
    deadline = time.monotonic() + 60
    journal = folder / "metrics.jsonl"
    while not (journal.is_file() and journal.read_text().count("\n") > 5):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "student").exists()
    assert not (folder / "result.json").exists()
    teacher = (folder / "teacher" / "model.safetensors").stat().st_mtime_ns
    result = run(config)
    assert (folder / "teacher" / "model.safetensors").stat().st_mtime_ns == teacher
    steps = [json.loads(line)["step"] for line in journal.read_text().splitlines()]
    assert steps == list(range(60 * 6))
    assert result["student"]["n"] == 40


def test_a_student_of_its_own_with_its_own_tokenizer(
    configure: Configure, make_model: Callable[..., Path], finished_run: Finished
) -> None:
    words = [*sorted("abcdefghijklmnopqrstuvwxyz"), *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")]
    student = make_model(seed=5, words=words, num_hidden_layers=1)
    config = configure({"student": {"model": str(student)}, "data.max_length": 40})
    run(config)
    vocabulary = (config.training.output_dir / "student" / "vocab.txt").read_text().split()
    assert vocabulary[-1] == "##z"


def test_two_vocabularies_cannot_share_a_batch(configure: Configure, make_model: Callable[..., Path]) -> None:
    student = make_model(words=["another", "vocabulary"])
    config = configure({"student": {"model": str(student)}, "training.teacher_cache": "off"})
    with pytest.raises(ConfigError, match="must share a tokenizer"):
        run(config)
    assert not config.training.output_dir.exists(), "told before anything was made"


def test_more_accumulation_than_batches_is_told_at_once(configure: Configure) -> None:
    config = configure({"training.gradient_accumulation_steps": 7})
    with pytest.raises(ConfigError, match=r"must not exceed the batches of an epoch, which are 6\. Received: 7"):
        run(config)
    assert not config.training.output_dir.exists()


def test_accumulation_within_the_epoch_trains(configure: Configure) -> None:
    config = configure({"training.gradient_accumulation_steps": 6, "baselines": {}, "teacher.finetune.epochs": 1})
    run(config)
    start = configure({"optimizer.learning_rate": 1e-12, "baselines": {}, "teacher.finetune.epochs": 1})
    other = replace_folder(start, config.training.output_dir.parent / "start")
    run(other)
    moved = largest_difference(
        weights(config.training.output_dir / "student"), weights(other.training.output_dir / "student")
    )
    assert moved > 1e-4


def replace_folder(config: RunConfig, folder: Path) -> RunConfig:
    return config.model_copy(update={"training": config.training.model_copy(update={"output_dir": folder})})


def test_a_run_can_hold_the_term_at_a_share_of_the_gradient(configure: Configure) -> None:
    changes = {"baselines": {"late": {"distillation.sinkd": {"gradient_share": 0.2, "warmup": 0.5}}}}
    config = configure({**changes, "distillation.sinkd": {"gradient_share": 0.2}, "teacher.finetune.epochs": 1})
    run(config)
    stored = (config.training.output_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    steps = [line for line in map(json.loads, stored) if line["student"] == "student"]
    assert steps[0]["sinkhorn_share_of_kd_gradient"] == pytest.approx(0.2)
    assert all(line["weight_sinkhorn_loss"] > 0 for line in steps)
    late = [line["weight_sinkhorn_loss"] for line in map(json.loads, stored) if line["student"] == "late"]
    assert late[0] == 0
    assert late[1] < steps[1]["weight_sinkhorn_loss"]
    card = (config.training.output_dir / "student" / "README.md").read_text(encoding="utf-8")
    assert "gradient share 0.2" in card


@pytest.mark.parametrize("layers", [[0, 3], [1, 1], [-1]])
def test_layers_that_do_not_exist_are_told_before_the_teacher_is_trained(
    configure: Configure, layers: list[int]
) -> None:
    config = configure({"student.from_teacher_layers": layers})
    with pytest.raises(ConfigError, match=r"'student\.from_teacher_layers' must name different layers from 0 to 2"):
        run(config)
    assert not config.training.output_dir.exists()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    "match",
    [
        {"feature": "hidden", "loss": "hidden_mse", "proj": ["linear", 32, 32]},
        {"feature": "attention", "loss": "attention_mse"},
    ],
    ids=["hidden", "attention"],
)
def test_intermediate_matches_run_and_leave_no_trace_in_the_student(
    configure: Configure, match: dict[str, Any], precision: str
) -> None:
    matches = [{"layer_T": 2, "layer_S": 1, "weight": 1.0, **match}]
    changes = {"distillation.intermediate_matches": matches, "baselines": {}, "teacher.finetune.epochs": 1}
    config = configure({**changes, "training.precision": precision})
    run(config)
    first = json.loads((config.training.output_dir / "metrics.jsonl").read_text().splitlines()[0])
    assert first[f"unweighted_{match['feature']}_{match['loss']}_1_2"] > 0
    saved = json.loads((config.training.output_dir / "student" / "config.json").read_text())
    assert not saved.get("output_hidden_states")
    assert not saved.get("output_attentions")


def test_a_loss_that_is_not_finite_stops_the_run_and_saves_nothing(configure: Configure) -> None:
    from sinkd_plugin.errors import NonFiniteLossError

    config = configure({"optimizer": {"learning_rate": 1e30, "warmup": 0, "batch_size": 16}, "baselines": {}})
    with pytest.raises(NonFiniteLossError, match=r"logits at step \d+, in examples .*Lower the learning rate"):
        run(config)
    folder = config.training.output_dir
    assert (folder / "teacher").is_dir()
    assert not (folder / "student").exists()
    assert not (folder / "result.json").exists()


def test_distill_reports_what_it_was_made_of(configure: Configure) -> None:
    config = configure({"baselines": {}, "optimizer.epochs": 1})
    prepared = prepare(config)
    stage = teacher_stage(config, prepared, config.training.output_dir / "teacher")
    material = replace(gather_material(config, prepared, stage))
    plan = distill(config, material, Journal(config.training.output_dir, ["student"]), "student", "fingerprint")
    assert plan.student is material.student
    assert plan.precision == "fp32"
