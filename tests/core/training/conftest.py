"""One finished run that the tests of the run folder look at."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sinkd_plugin.training.config import RunConfig, checked, with_key, with_keys
from sinkd_plugin.training.run import run


@dataclass(frozen=True)
class FinishedRun:
    config: RunConfig
    folder: Path
    result: dict[str, Any]


@pytest.fixture
def configure(run_settings: dict[str, Any], tmp_path: Path) -> Callable[..., RunConfig]:
    """The small run with dotted keys changed, in a folder of its own unless told otherwise."""

    def make(changes: dict[str, Any] | None = None, folder: Path = tmp_path / "run") -> RunConfig:
        placed = {"training.output_dir": str(folder)}
        return checked(with_keys(copy.deepcopy(run_settings), {**placed, **(changes or {})}))

    return make


@pytest.fixture(scope="session")
def finished_run(run_settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """The small run, done once; tests must not change its folder."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    config = checked(with_key(copy.deepcopy(run_settings), "training.output_dir", str(folder)))
    return FinishedRun(config=config, folder=folder, result=run(config))
