"""How good a student is while it is trained: its score on the validation split."""

from __future__ import annotations

from collections.abc import Callable

from sinkd_plugin.errors import unknown_name
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.material import Material
from sinkd_plugin.training.scoring import score_split


def student_score(config: RunConfig, material: Material) -> Callable[[], float] | None:
    """What scores the student as it is, if the configuration names a metric to keep the best by."""
    metric = config.training.checkpoints.best
    if metric is None:
        return None

    def score() -> float:
        modes = [(module, module.training) for module in material.student.modules()]
        found = score_split(
            material.kind, material.student, material.reader, material.validation, what="Scoring a checkpoint"
        ).figures["test"]
        for module, training in modes:
            module.training = training
        if metric not in found:
            raise unknown_name("metric", metric, found)
        return float(found[metric])

    return score
