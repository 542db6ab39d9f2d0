"""Weights that change while the training goes on."""

from __future__ import annotations

import copy
from typing import Any

_WEIGHTS = ("kd_loss_weight", "hard_label_weight")


class ScheduledWeights:
    """A distiller's own copy of its configuration, in which schedulers scale the weights it was given.

    TextBrewer puts the scheduler's value in the weight's place, for good, in the caller's object, and only after the
    first step. Here a weight is ``base * scheduler(step / total_steps)`` from step 0 on, and the base again at the end.
    """

    d_config: Any

    def _own_weights(self) -> None:
        self.d_config = copy.copy(self.d_config)
        self._base_weights = {name: getattr(self.d_config, name) for name in _WEIGHTS}

    def _schedule_weights(self, progress: float) -> None:
        """Set both weights for a point between 0 and 1 of the training."""
        for name, base in self._base_weights.items():
            scheduler = getattr(self.d_config, f"{name}_scheduler")
            setattr(self.d_config, name, base if scheduler is None else base * scheduler(progress))

    def _restore_weights(self) -> None:
        for name, base in self._base_weights.items():
            setattr(self.d_config, name, base)
