"""Weights that change while the training goes on, and what has to be kept of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.losses.transport_weight import TransportWeight
from sinkd_plugin.textbrewer.distribution import averaged_over_processes

_WEIGHTS = ("kd_loss_weight", "hard_label_weight")


class ScheduledWeights:
    """A distiller's own copy of its configuration, in which schedulers scale the weights it was given.

    TextBrewer puts the scheduler's value in the weight's place, for good, in the caller's object, and only after the
    first step. Here a weight is ``base * scheduler(step / total_steps)`` from step 0 on, and the base again at the end.
    """

    d_config: Any
    t_config: Any
    local_rank: int
    _transport_weight: TransportWeight | None

    def state_dict(self) -> dict[str, dict[str, float]]:
        """What the distiller itself has learnt and a resumed training needs, beside models, optimiser and scheduler.

        Returns:
            Plain numbers, the same on every process after a step: ``transport_weight``, empty unless the weight of the
            transport term follows the gradients.
        """
        weight = self._transport_weight
        return {"transport_weight": {} if weight is None else weight.state_dict()}

    def load_state_dict(self, state: Mapping[str, Mapping[str, float]]) -> None:
        """Go on where a state was saved; call it before ``train()``.

        Args:
            state: What ``state_dict`` returned.

        Raises:
            ConfigError: If it is not the state of a distiller with this configuration.
        """
        if set(state) != set(self.state_dict()):
            raise ConfigError("The state of a distiller must be what 'state_dict()' returned.", received=repr(state))
        if self._transport_weight is not None:
            self._transport_weight.load_state_dict(state["transport_weight"])
        elif state["transport_weight"]:
            raise ConfigError(
                "The state of the transport term's weight needs a configuration with that term.",
                received="no 'sinkd'",
                cure="Resume with the configuration that the run was started with.",
            )

    def _own_weights(self) -> None:
        self.d_config = copy.copy(self.d_config)
        self._base_weights = {name: getattr(self.d_config, name) for name in _WEIGHTS}

    def _schedule_weights(self, progress: float) -> None:
        """Set the weights for a point between 0 and 1 of the training."""
        if self._transport_weight is not None:
            self._transport_weight.progress = progress
        for name, base in self._base_weights.items():
            scheduler = getattr(self.d_config, f"{name}_scheduler")
            setattr(self.d_config, name, base if scheduler is None else base * scheduler(progress))

    def _after_step(self) -> None:
        """Agree on the weight: each process has measured the gradients of its own rows."""
        weight = self._transport_weight
        if self.local_rank != -1 and weight is not None and weight.follows_gradients:
            weight.load_state_dict(averaged_over_processes(weight.state_dict(), self.t_config.device))

    def _restore_weights(self) -> None:
        if self._transport_weight is not None:
            self._transport_weight.progress = 1.0
        for name, base in self._base_weights.items():
            setattr(self.d_config, name, base)
