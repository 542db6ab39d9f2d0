"""A sweep from its description to the setting that is best on the validation split."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import yaml
from optuna.trial import FrozenTrial

from sinkd_plugin.errors import UserError, WorldError
from sinkd_plugin.options import validate
from sinkd_plugin.storage import write_text
from sinkd_plugin.sweep.cells import cell_of, chosen_run
from sinkd_plugin.sweep.config import SweepConfig
from sinkd_plugin.sweep.space import ends, setting
from sinkd_plugin.sweep.storage import database_errors, opened
from sinkd_plugin.sweep.trials import ended, try_settings
from sinkd_plugin.training.config import read_mapping, with_changes


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One setting and what it scored.

    Args:
        number: Of the trial.
        setting: Dotted keys with their values.
        score: The mean over the seeds on the validation split; ``None`` where it failed.
        scores: For each seed.
        error: What it failed with.
    """

    number: int
    setting: Mapping[str, Any]
    score: float | None
    scores: Sequence[float] = ()
    error: str | None = None


def load_sweep(path: Path, changes: Sequence[str] = ()) -> SweepConfig:
    """Read and check a sweep, and every value of its space by itself.

    Args:
        path: A YAML or JSON file.
        changes: ``dotted.key=value`` each; the value is read as YAML.

    Raises:
        ConfigError: If the file cannot be read, or a key or value is wrong.
    """
    sweep = validate(SweepConfig, with_changes(read_mapping(path), changes))
    for one in ends(sweep.space):
        cell_of(sweep, one, sweep.seeds[0])
    return sweep


def run_sweep(sweep: SweepConfig) -> list[Tried]:
    """Try what is still to be tried, beside other processes that do the same; all that has been tried, best first.

    Raises:
        UserError: If torchrun has started this process beside others, or the storage holds another sweep by the name.
        StorageError: If the storage cannot be reached or written.
        StoppedError: If a signal came; the same call goes on.
    """
    _check_alone()
    with database_errors(sweep):
        study = opened(sweep)
        try_settings(sweep, study)
        return tried(sweep, study)


def _check_alone() -> None:
    """Processes of torchrun would each try settings of their own, and wait for one another in every training."""
    count = os.environ.get("WORLD_SIZE", "1")
    if count != "1":
        raise UserError(
            "A sweep's processes share trials, and no training.",
            received=f"torchrun with {count} processes",
            cure="Run sinkd sweep by itself, with --workers or several times.",
        )


def tried(sweep: SweepConfig, study: optuna.Study) -> list[Tried]:
    """All settings that have ended, best first; of equals the earlier, and failures last."""
    found = [_tried(sweep, trial) for trial in ended(study)]
    return sorted(found, key=lambda each: (each.score is None, -(each.score or 0.0), each.number))


def choose(sweep: SweepConfig, found: Sequence[Tried]) -> tuple[Tried, Path]:
    """The best setting, and the file of the run that has it, for `sinkd distill` to score on the test split.

    Raises:
        WorldError: If every setting failed.
    """
    best = next(iter(found), None)
    if best is None or best.score is None:
        raise WorldError(
            "A sweep needs one setting that can be run.",
            received=f"{len(found)} that failed, the first with: {best.error if best else ''}",
        )
    path = sweep.folder / "best.yaml"
    write_text(path, yaml.safe_dump(chosen_run(sweep, best.setting), sort_keys=False, allow_unicode=True))
    return best, path


def _tried(sweep: SweepConfig, trial: FrozenTrial) -> Tried:
    told = trial.user_attrs
    return Tried(
        number=trial.number,
        setting=setting(sweep.space, trial.params),
        score=trial.value,
        scores=told.get("scores", ()),
        error=told.get("error"),
    )
