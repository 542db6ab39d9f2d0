"""The description of a study: one YAML or JSON file, checked as a whole before its first cell."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator, model_validator

from sinkd_plugin.options import Options

Changes = dict[str, Any]
"""Dotted keys of a run's configuration with their values."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+.-]*$")]


class MethodOptions(Options):
    """One way to distil.

    Args:
        title: What tables and figures call it; its key if absent.
        set: What it changes in the study's run.
        search: Values that are tried for a key; the setting is chosen on the validation split.
    """

    title: str = ""
    set: Changes = Field(default_factory=dict)
    search: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)


class SearchOptions(Options):
    """How hyper-parameters are chosen, the same for every method.

    Args:
        budget: Settings that are tried for a method; all of them where it has no more, a seeded draw where it has.
        seed: Seed of the runs that are compared, and of the draw. No final run should have it.
    """

    budget: int = Field(4, ge=1)
    seed: int = Field(1000, ge=0, lt=2**32)


class AblationOptions(Options):
    """One key of some methods over several values, everything else as the methods have it.

    Args:
        methods: Names of the methods.
        key: The dotted key.
        values: Its values, in the order in which they are drawn.
        together: Further keys that change with it, each with as many values.
        title: What tables and figures call what is varied; the key if absent.
        paper: The paper's table or figure that asks the same, such as ``Table 5``.
    """

    methods: list[Name] = Field(min_length=1)
    key: str
    values: list[Any] = Field(min_length=2)
    together: dict[str, list[Any]] = Field(default_factory=dict)
    title: str = ""
    paper: str = ""

    @model_validator(mode="after")
    def _as_many(self) -> AblationOptions:
        for key, values in self.together.items():
            if len(values) != len(self.values):
                raise ValueError(
                    f"'together.{key}' must have a value for each of 'values', which are {len(self.values)}"
                )
        return self

    @property
    def settings(self) -> list[Changes]:
        """What each value changes."""
        return [
            {self.key: value, **{key: values[place] for key, values in self.together.items()}}
            for place, value in enumerate(self.values)
        ]


class SmokeOptions(Options):
    """What ``--smoke`` changes: a study of minutes that shows that everything works, and nothing else.

    Args:
        changes: Keys of the run.
        seeds: In place of the study's.
        budget: In place of the search's.
        pairs: Only these.
        methods: Only these, the reference and the undistilled one.
    """

    changes: Changes = Field(default_factory=dict)
    seeds: list[int] = Field(default_factory=lambda: [0, 1], min_length=1)
    budget: int = Field(1, ge=1)
    pairs: list[Name] | None = None
    methods: list[Name] | None = None


class StudyConfig(Options):
    """A grid of runs.

    Args:
        name: The study's, and of its results.
        question: What it asks, as one or two sentences for the report.
        folder: Where its runs are kept while they are made; may be shared by several machines.
        results: Where tables, figures and raw results go.
        base: The run that all cells start from; keys as for ``sinkd distill``, without ``training.output_dir``.
        tasks: What each task changes.
        pairs: What each pair of teacher and student changes.
        methods: The ways to distil.
        reference: The method that the others are compared with, paired by seed.
        undistilled: The method without a teacher, from which the gap to the teacher is measured; ``None`` for none.
        seeds: Of the final runs.
        seeds_of: Of single tasks, in place of these.
        search: How settings are chosen.
        keep_seed: Students of this final seed are kept, in ``students/TASK/PAIR/METHOD`` of the study's folder, for
            ``sinkd export`` and ``sinkd bench``.
        latency: What ``sinkd bench … --json`` measured of them, or of their exports in folders of the same three names,
            for the figure of score against latency; none is drawn while the file is not there.
        ablations: Keys that are varied one at a time, by name.
        smoke: What ``--smoke`` changes.
    """

    name: Name
    question: str
    folder: Annotated[Path, AfterValidator(Path.expanduser)]
    results: Annotated[Path, AfterValidator(Path.expanduser)]
    base: dict[str, Any]
    tasks: dict[Name, Changes] = Field(min_length=1)
    pairs: dict[Name, Changes] = Field(min_length=1)
    methods: dict[Name, MethodOptions] = Field(min_length=1)
    reference: Name = "kl"
    undistilled: Name | None = None
    seeds: list[int] = Field(default_factory=lambda: [0, 1, 2, 3, 4], min_length=1)
    seeds_of: dict[Name, Annotated[list[int], Field(min_length=1)]] = Field(default_factory=dict)
    search: SearchOptions = SearchOptions()
    keep_seed: int | None = None
    latency: Annotated[Path, AfterValidator(Path.expanduser)] | None = None
    ablations: dict[Name, AblationOptions] = Field(default_factory=dict)
    smoke: SmokeOptions = SmokeOptions()

    @field_validator("seeds")
    @classmethod
    def _different(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("must be different: a seed that is there twice would count twice")
        return seeds

    @field_validator("seeds_of")
    @classmethod
    def _each_different(cls, seeds_of: dict[str, list[int]]) -> dict[str, list[int]]:
        for seeds in seeds_of.values():
            cls._different(seeds)
        return seeds_of

    @model_validator(mode="after")
    def _known_names(self) -> StudyConfig:
        named = {"reference": self.reference, "undistilled": self.undistilled}
        for name, ablation in self.ablations.items():
            named |= {f"ablations.{name}.methods": method for method in ablation.methods if method not in self.methods}
        for key, method in named.items():
            if method is not None and method not in self.methods:
                raise ValueError(f"'{key}' must be one of the methods {', '.join(self.methods)}, not '{method}'")
        for task in self.seeds_of:
            if task not in self.tasks:
                raise ValueError(f"'seeds_of' must name tasks of the study, not '{task}'")
        unknown = [name for name in self.smoke.pairs or () if name not in self.pairs]
        unknown += [name for name in self.smoke.methods or () if name not in self.methods]
        if unknown:
            raise ValueError(f"'smoke' may name only pairs and methods of the study, not '{unknown[0]}'")
        return self

    @model_validator(mode="after")
    def _unseen_seed(self) -> StudyConfig:
        if self.search.seed in {*self.seeds, *itertools.chain.from_iterable(self.seeds_of.values())}:
            raise ValueError(f"'search.seed' must be none of the final seeds, but {self.search.seed} is")
        return self

    def seeds_for(self, task: str) -> list[int]:
        """The final seeds of a task."""
        return self.seeds_of.get(task, self.seeds)

    def title(self, method: str) -> str:
        """What people call a method."""
        return self.methods[method].title or method


def smoked(study: StudyConfig) -> StudyConfig:
    """The study that ``--smoke`` runs, in folders of its own."""
    smoke = study.smoke
    kept = set(smoke.methods) | {study.reference, *filter(None, [study.undistilled])} if smoke.methods else None
    methods = {name: method for name, method in study.methods.items() if kept is None or name in kept}
    tasks = {name: {**changes, **smoke.changes} for name, changes in study.tasks.items()}
    return study.model_copy(
        update={
            "folder": study.folder / "smoke",
            "results": study.folder / "smoke" / "results",
            "tasks": tasks,
            "pairs": {name: study.pairs[name] for name in smoke.pairs or study.pairs},
            "methods": methods,
            "seeds": smoke.seeds,
            "seeds_of": {},
            "search": study.search.model_copy(update={"budget": smoke.budget}),
            "ablations": _first_values(study.ablations, methods),
        }
    )


def _first_values(
    ablations: Mapping[str, AblationOptions], methods: Mapping[str, MethodOptions]
) -> dict[str, AblationOptions]:
    kept = {name: ablation for name, ablation in ablations.items() if set(ablation.methods) <= set(methods)}
    return {name: _two_values(ablation) for name, ablation in list(kept.items())[:1]}


def _two_values(ablation: AblationOptions) -> AblationOptions:
    together = {key: values[:2] for key, values in ablation.together.items()}
    return ablation.model_copy(update={"values": ablation.values[:2], "together": together})
