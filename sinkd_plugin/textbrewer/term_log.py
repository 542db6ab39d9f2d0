"""What a forward pass leaves in TensorBoard and with the observer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from sinkd_plugin.ot.result import TransportResult
from sinkd_plugin.textbrewer.diagnostics import gradient_shares, transport_figures, weights
from sinkd_plugin.textbrewer.guard import check_values
from sinkd_plugin.textbrewer.term import Term

Observer = Callable[[int, Mapping[str, float]], None]
FIGURES_EVERY = 50
"""Forward passes between two looks at gradient shares and plans, which cost a little."""


class LoggedTerms:
    """Values and weights of every pass, and the share that a weight is held at; all else of some passes."""

    tb_writer: Any
    rank: int
    _terms: list[Term]
    _logits: list[torch.Tensor]
    _plans: Sequence[TransportResult]
    _shares: Mapping[str, float]
    _transport: Any
    _passes: int
    _observer: Observer | None
    _figures_every: int

    def write_loss(self, total_loss: torch.Tensor, writer_step: int, losses_dict: Any = None) -> None:
        """Log the terms, and stop before a loss that is not finite reaches the weights.

        Raises:
            NonFiniteLossError: If the total is NaN or infinite.
        """
        terms = {"total_loss": total_loss, **(losses_dict or {})}
        values = {name: float(torch.as_tensor(value).detach()) for name, value in terms.items()}
        check_values(values, writer_step)
        figures = {**values, **self._figures(writer_step)}
        if self.rank == 0:
            for name, value in figures.items():
                self.tb_writer.add_scalar(f"scalar/{name}", value, writer_step)
        if self._observer is not None:
            self._observer(writer_step, figures)
        self._passes = writer_step + 1
        self._forget()

    def _forget(self) -> None:
        raise NotImplementedError

    def _figures(self, step: int) -> dict[str, float]:
        figures = {**weights(self._terms), **self._shares}
        if self._figures_every and step % self._figures_every == 0:
            figures.update(gradient_shares(self._terms, self._logits))
            if self._plans:
                strength = self._transport.options.regularization
                figures.update(transport_figures([(plan, strength) for plan in self._plans]))
        return figures
