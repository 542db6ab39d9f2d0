"""A teacher with a seed of its own is the same for every run's seed, as in the paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.run import run


def test_runs_of_two_seeds_have_one_teacher_and_two_students(
    configure: Callable[..., RunConfig], tmp_path: Path
) -> None:
    shared = {"teacher.seed": 7, "baselines": {}, "teacher.finetune.epochs": 1}
    for seed in (0, 1):
        run(configure({**shared, "training.seed": seed}, tmp_path / str(seed)))
    first, second = (
        {part: load_file(tmp_path / seed / part / "model.safetensors") for part in ("teacher", "student")}
        for seed in ("0", "1")
    )
    assert all(first["teacher"][name].equal(weight) for name, weight in second["teacher"].items())
    assert not all(first["student"][name].equal(weight) for name, weight in second["student"].items())


def test_it_is_the_teacher_of_a_run_with_that_seed(configure: Callable[..., RunConfig], tmp_path: Path) -> None:
    shared = {"baselines": {}, "teacher.finetune.epochs": 1}
    run(configure({**shared, "training.seed": 7}, tmp_path / "own"))
    run(configure({**shared, "training.seed": 0, "teacher.seed": 7}, tmp_path / "given"))
    own, given = (load_file(tmp_path / name / "teacher" / "model.safetensors") for name in ("own", "given"))
    assert all(own[name].equal(weight) for name, weight in given.items())


def test_a_seed_for_a_teacher_that_is_not_trained_is_refused(configure: Callable[..., RunConfig]) -> None:
    with pytest.raises(ConfigError, match="not trained draws nothing"):
        configure({"teacher.finetune": None, "teacher.seed": 1})
