"""The keys of ``training.checkpoints``."""

from __future__ import annotations

from pydantic import Field, model_validator

from sinkd_plugin.options import Options


class CheckpointOptions(Options):
    """When the state of a training is saved, so that a run goes on where it was stopped.

    Args:
        minutes: Save after so many minutes of training; ``null`` for never.
        steps: Save after every so many steps.
        keep: How many of the last are kept.
        best: A metric; the checkpoint with its highest value on the validation split is kept as well. Each is scored
            then: without ``steps``, after each epoch.
        use_best: Whether the student is that of the best checkpoint, and not of the last step.
    """

    minutes: float | None = Field(10.0, gt=0)
    steps: int | None = Field(None, ge=1)
    keep: int = Field(2, ge=1)
    best: str | None = None
    use_best: bool = False

    @model_validator(mode="after")
    def _best_is_named(self) -> CheckpointOptions:
        if self.use_best and self.best is None:
            raise ValueError("'use_best' needs the name of a metric in 'best'")
        return self
