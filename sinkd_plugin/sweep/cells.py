"""The runs of a sweep, each a cell as a study has them: scored on the validation split, never on the test split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sinkd_plugin.study.cells import Cell
from sinkd_plugin.sweep.config import SweepConfig
from sinkd_plugin.training.config import checked, with_key


def cell_of(sweep: SweepConfig, setting: Mapping[str, Any], seed: int) -> Cell:
    """The run of a setting with a seed.

    Raises:
        ConfigError: If a key or value is wrong.
    """
    data = configured(sweep, setting)
    for key, value in {"training.seed": seed, "data.scored_split": "validation"}.items():
        data = with_key(data, key, value)
    return Cell(
        task="",
        pair="",
        method=sweep.name,
        setting=dict(setting),
        seed=seed,
        split="validation",
        config=checked(with_key(data, "training.output_dir", str(sweep.folder))),
    )


def chosen_run(sweep: SweepConfig, setting: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of the run that the test split is for: the base with the chosen setting."""
    data = with_key(configured(sweep, setting), "data.scored_split", "test")
    return with_key(data, "training.output_dir", str(sweep.folder / "best"))


def configured(sweep: SweepConfig, setting: Mapping[str, Any]) -> dict[str, Any]:
    """The base in which each dotted key of the setting has its value."""
    data = sweep.base
    for key, value in setting.items():
        data = with_key(data, key, value)
    return data
