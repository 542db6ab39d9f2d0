"""The cells of a study's grid: each is an ordinary run, known by the hash of its resolved configuration."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sinkd_plugin.study.config import Changes, StudyConfig
from sinkd_plugin.training.config import RunConfig, checked, plain, told, with_keys

Split = Literal["validation", "test"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of the grid.

    Args:
        task: Name of the task.
        pair: Name of the pair of teacher and student.
        method: Name of the method.
        setting: The keys in which it differs from other cells of the method.
        seed: Seed of the run.
        split: Where it is scored: ``validation`` while settings are chosen, ``test`` at the end.
        ablation: Name of the ablation that it belongs to; empty for the comparison of methods.
        config: The run's configuration, with a folder that does not matter.
    """

    task: str
    pair: str
    method: str
    setting: Changes
    seed: int
    split: Split
    ablation: str = ""
    config: RunConfig

    @property
    def key(self) -> str:
        """Hash of all that is not at its default, so that a key which a later version adds changes no cell's."""
        return _digest(_placeless(told(self.config)))

    @property
    def teacher_key(self) -> str:
        """Hash of what the teacher and its scores depend on; cells that share it share the teacher."""
        data = told(self.config)
        names = ("task", "data_dir", "data", "architecture", "teacher", "prompt", "readout")
        shared = {name: data[name] for name in names if name in data}
        made = {name: data["training"].get(name) for name in ("precision", "device")}
        return _digest({**shared, **made, "seed": self._seed_of_teacher})

    @property
    def _seed_of_teacher(self) -> int:
        """The run's own, too, where it draws the examples that the teacher is trained on or scores."""
        data = self.config.data
        limits = data.max_train_samples, data.max_validation_samples, data.max_test_samples
        return self.config.teacher_seed if limits == (None, None, None) else self.seed

    @property
    def resolved(self) -> dict[str, Any]:
        """The whole configuration, defaults included; kept with the outcome, as a default may change with a version."""
        return _placeless(plain(self.config))

    def describe(self) -> str:
        """One line for people."""
        setting = " ".join(f"{key.rpartition('.')[2]}={value}" for key, value in self.setting.items())
        where = "choosing" if self.split == "validation" and not self.ablation else f"seed {self.seed}"
        return " · ".join(part for part in (self.task, self.pair, self.method, self.ablation, setting, where) if part)


def search_cells(study: StudyConfig) -> list[Cell]:
    """The runs among which every method's setting is chosen, by task and pair; none where there is no choice."""
    return [
        _cell(study, task, pair, method, setting, study.search.seed, "validation")
        for task, pair in itertools.product(study.tasks, study.pairs)
        for method in study.methods
        for setting in (settings(study, method) if len(settings(study, method)) > 1 else ())
    ]


def final_cells(study: StudyConfig, chosen: Mapping[tuple[str, str, str], Changes]) -> list[Cell]:
    """The runs that are scored on the test split, once each; seed by seed, so that what is done first compares all.

    Args:
        study: The study.
        chosen: The setting of each task, pair and method.
    """
    return [
        _cell(study, task, pair, method, setting, seed, "test")
        for seed in _all_seeds(study)
        for (task, pair, method), setting in chosen.items()
        if seed in study.seeds_for(task)
    ]


def ablation_cells(study: StudyConfig, chosen: Mapping[tuple[str, str, str], Changes]) -> Iterator[Cell]:
    """The runs in which one key is varied, and the reference beside them, scored on the validation split.

    They inform choices, so the test split is none of theirs. Where the reference is not varied it is run as it is. One
    ablation comes after the other, so that those that are done first are whole.
    """
    for (name, ablation), seed in itertools.product(study.ablations.items(), _all_seeds(study)):
        for (task, pair, method), setting in chosen.items():
            if seed not in study.seeds_for(task) or method not in {*ablation.methods, study.reference}:
                continue
            for change in ablation.settings if method in ablation.methods else [{}]:
                yield _cell(study, task, pair, method, {**setting, **change}, seed, "validation", ablation=name)


def _all_seeds(study: StudyConfig) -> list[int]:
    return list(dict.fromkeys(itertools.chain(study.seeds, *study.seeds_of.values())))


def settings(study: StudyConfig, method: str) -> list[Changes]:
    """The settings of a method that are tried: its whole grid, or a seeded draw of as many as the budget allows."""
    search = study.methods[method].search
    grid = [dict(zip(search, values, strict=True)) for values in itertools.product(*search.values())]
    if len(grid) <= study.search.budget:
        return grid
    drawn = random.Random(study.search.seed).sample(range(len(grid)), study.search.budget)  # noqa: S311
    return [grid[place] for place in sorted(drawn)]


def _cell(
    study: StudyConfig, task: str, pair: str, method: str, setting: Changes, seed: int, split: Split, ablation: str = ""
) -> Cell:
    changes = {**study.tasks[task], **study.pairs[pair], **study.methods[method].set, **setting}
    placed = {"training.seed": seed, "data.scored_split": split, "training.output_dir": str(study.folder)}
    config = checked(with_keys(study.base, {**changes, **placed}))
    return Cell(
        task=task, pair=pair, method=method, setting=setting, seed=seed, split=split, ablation=ablation, config=config
    )


def located(cell: Cell, folder: Path) -> RunConfig:
    """The cell's configuration with its run in ``folder``."""
    training = cell.config.training.model_copy(update={"output_dir": folder})
    return cell.config.model_copy(update={"training": training})


def _placeless(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "training": {**data["training"], "output_dir": None}}


def _digest(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
