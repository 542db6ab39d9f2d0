"""The size of a step decides what is trained; what fits into the memory at once does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.run import run

Configure = Callable[..., RunConfig]
SHORT: dict[str, Any] = {"baselines": {}, "teacher.finetune.epochs": 1}


@pytest.fixture
def without_dropout(make_model: Callable[..., Path]) -> dict[str, Any]:
    model = make_model(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    return {**SHORT, "teacher.model": str(model), "teacher.finetune.epochs": 3}


def distance(one: Path, other: Path) -> float:
    """Between two models' weights, relative to their size."""
    first, second = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    squares = sum(float((first[name].double() - second[name].double()).pow(2).sum()) for name in second)
    return float((squares / sum(float(value.double().pow(2).sum()) for value in second.values())) ** 0.5)


@pytest.mark.slow
def test_equal_steps_give_equal_models(configure: Configure, without_dropout: dict[str, Any], tmp_path: Path) -> None:
    whole = configure({**without_dropout, "optimizer.batch_size": 32}, tmp_path / "whole")
    spellings: dict[str, dict[str, Any]] = {
        "micro": {"optimizer.batch_size": 32, "training.micro_batch_size": 5},
        "accumulated": {"optimizer.batch_size": 8, "training.gradient_accumulation_steps": 4},
        "group": {"training.group_size": 32, "training.micro_batch_size": 8},
        "local": {"optimizer.batch_size": 32, "training.micro_batch_size": 5, "training.scope": "local"},
    }
    run(whole)
    for name, changes in spellings.items():
        run(configure({**without_dropout, **changes}, tmp_path / name))
    found = {name: distance(tmp_path / name / "student", tmp_path / "whole" / "student") for name in spellings}
    assert max(found[name] for name in ("micro", "accumulated", "group")) < 1e-6, found
    assert found["local"] > 1e-4, found
    assert distance(tmp_path / "micro" / "teacher", tmp_path / "whole" / "teacher") < 1e-6


def test_a_group_is_one_line_of_the_journal(configure: Configure) -> None:
    config = configure({**SHORT, "training.group_size": 48, "training.micro_batch_size": 16})
    run(config)
    lines = [json.loads(line) for line in (config.training.output_dir / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 1, 2, 3]  # 96 examples, twice
    for line in lines:
        assert line["examples_per_second"] > 0
        assert line["peak_memory_bytes"] > 1e6


def test_a_step_is_told_once(configure: Configure) -> None:
    with pytest.raises(ConfigError, match=r"give 'group_size' or 'gradient_accumulation_steps'"):
        configure({"training.group_size": 32, "training.gradient_accumulation_steps": 2})


def test_a_group_larger_than_the_data_is_told_at_once(configure: Configure) -> None:
    config = configure({"training.group_size": 97})
    with pytest.raises(ConfigError, match=r"'training\.group_size' must not exceed.*96 examples\. Received: 97"):
        run(config)
    assert not config.training.output_dir.exists()


@pytest.mark.slow
def test_without_bucketing_the_students_differ(configure: Configure, tmp_path: Path) -> None:
    for bucketing in (True, False):
        run(configure({**SHORT, "training.bucketing": bucketing}, tmp_path / str(bucketing)))
    assert distance(tmp_path / "True" / "student", tmp_path / "False" / "student") > 1e-4
