"""The runs of a sweep, each a cell as a study has them: scored on the validation split, never on the test split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sinkd_plugin.study.cells import Cell
from sinkd_plugin.sweep.config import SweepConfig
from sinkd_plugin.training.config import checked, with_keys


def cell_of(sweep: SweepConfig, setting: Mapping[str, Any], seed: int) -> Cell:
    """The run of a setting with a seed.

    Raises:
        ConfigError: If a key or value is wrong.
    """
    placed = {"training.seed": seed, "data.scored_split": "validation", "training.output_dir": str(sweep.folder)}
    return Cell(
        task="",
        pair="",
        method=sweep.name,
        setting=dict(setting),
        seed=seed,
        split="validation",
        config=checked(with_keys(sweep.base, {**setting, **placed})),
    )


def chosen_run(sweep: SweepConfig, setting: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of the run that the test split is for: the base with the chosen setting."""
    placed = {"data.scored_split": "test", "training.output_dir": str(sweep.folder / "best")}
    return dict(with_keys(sweep.base, {**setting, **placed}))
