"""The description of a sweep: one YAML or JSON file, checked as a whole before its first trial."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from sinkd_plugin.options import Options
from sinkd_plugin.tasks.kinds import METRICS_OF

_DECIDED_ELSEWHERE = {
    "training.output_dir": "folder",
    "training.seed": "seeds",
    "data.scored_split": "nothing: every trial is scored on the validation split",
}
DEFAULT_TRIALS = 20
_ROUNDING = 1e-9


class RangeOptions(Options):
    """Numbers between two ends, which are among them; whole numbers where both ends are.

    Args:
        low: The least.
        high: The greatest.
        step: Between neighbours; absent, any number in between, or any whole one.
        log: Draw evenly in the logarithm.
    """

    low: int | float
    high: int | float
    step: int | float | None = Field(None, gt=0)
    log: bool = False

    @model_validator(mode="after")
    def _is_a_range(self) -> RangeOptions:
        if self.low >= self.high:
            raise ValueError("'low' must be below 'high'")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("with 'log', 'low' must be above 0 and there is no 'step'")
        steps = (self.high - self.low) / (self.step or 1)
        if self.step is not None and abs(steps - round(steps)) > _ROUNDING:
            raise ValueError("'high' must be a whole number of steps above 'low'")
        return self

    @property
    def numbers(self) -> list[int | float]:
        """All of them, of a range with a step or of whole numbers."""
        step = self.step or 1
        # as they are written in decimals, not 0.1 + 2 * 0.1
        return [round(self.low + place * step, 12) for place in range(round((self.high - self.low) / step) + 1)]

    @property
    def whole(self) -> bool:
        """Whether all of its numbers are whole."""
        return all(isinstance(number, int) for number in (self.low, self.high, self.step or 1))


Choices = Annotated[list[Any], Field(min_length=1)]


class SweepConfig(Options):
    """A search over the settings of a run.

    Args:
        name: The sweep's, also in its storage.
        folder: Where runs are made and teachers kept; several processes, and machines that see it, may share it.
        storage: Where trials are kept: a file, or a database's URL such as ``postgresql://…``, that any number of
            machines share; absent, a file in ``folder``.
        base: The run that all trials start from; keys as for ``sinkd distill``, without ``training.output_dir``.
        space: For each dotted key, the values to choose from or a range; see ``RangeOptions``.
        sampler: ``tpe`` learns from earlier trials which settings are promising, ``random`` draws, ``grid`` takes all.
        trials: Settings that are tried, by all processes together; absent, all of a grid, else 20.
        seeds: Of a trial's runs, whose mean score counts. No final run should have one of them.
        seed: Of what is drawn.
        metric: What is maximised, on the validation split; absent, the task's.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+.-]*$")]
    folder: Annotated[Path, AfterValidator(Path.expanduser)]
    storage: str | None = None
    base: dict[str, Any]
    space: dict[str, Choices | RangeOptions] = Field(min_length=1)
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    trials: int | None = Field(None, ge=1)
    seeds: list[int] = Field(default_factory=lambda: [1000], min_length=1)
    seed: int = Field(0, ge=0, lt=2**32)
    metric: str | None = None

    @field_validator("space")
    @classmethod
    def _free_keys(cls, space: dict[str, Any]) -> dict[str, Any]:
        for key in _DECIDED_ELSEWHERE.keys() & space.keys():
            raise ValueError(f"'{key}' is not for the space; it is set by {_DECIDED_ELSEWHERE[key]}")
        return space

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, metric: str | None) -> str | None:
        known = sorted({name for names in METRICS_OF.values() for name in names})
        if metric is not None and metric not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return metric

    @model_validator(mode="after")
    def _countable_grid(self) -> SweepConfig:
        for key, values in self.space.items():
            if self.sampler == "grid" and isinstance(values, RangeOptions) and values.step is None:
                raise ValueError(f"a grid needs a list or a range with a 'step' for '{key}'")
        return self
