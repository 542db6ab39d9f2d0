"""The runs of a sweep, each a cell as a study has them: scored on the validation split, never on the test split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sinkd_plugin.study.cells import Cell
from sinkd_plugin.sweep.config import SweepConfig
from sinkd_plugin.training.config import checked, with_key, with_keys


def cell_of(sweep: SweepConfig, setting: Mapping[str, Any], seed: int) -> Cell:
    """The run of a setting with a seed.

    Raises:
        ConfigError: If a key or value is wrong.
    """
    data = with_keys(sweep.base, {**setting, "training.seed": seed, "data.scored_split": "validation"})
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
    data = with_keys(sweep.base, {**setting, "data.scored_split": "test"})
    return with_key(data, "training.output_dir", str(sweep.folder / "best"))
