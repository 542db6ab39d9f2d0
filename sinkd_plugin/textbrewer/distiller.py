"""``SinkhornDistiller``: TextBrewer's ``GeneralDistiller`` with the transport term apart, precision and checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch

from sinkd_plugin.errors import NonFiniteLossError, unknown_name
from sinkd_plugin.losses.sinkhorn import SinkhornLoss
from sinkd_plugin.ot.options import SinkdOptions
from sinkd_plugin.textbrewer.checks import check_adapted, check_finite, check_shapes, check_total
from sinkd_plugin.textbrewer.combined import as_rows, transport_loss
from sinkd_plugin.textbrewer.host import textbrewer

_host = textbrewer()
Precision = Literal["fp32", "bf16"]
Observer = Callable[[int, Mapping[str, float]], None]
TRANSPORT_TERM = "unweighted_sinkhorn_loss"


class SinkhornDistiller(_host.GeneralDistiller):  # type: ignore[misc, name-defined]
    """Trains with ``L = hard_label_weight * CE + kd_loss_weight * KD + sinkd.weight * SD`` and intermediate matches.

    Used like ``GeneralDistiller``. The transport term has its own weight and its own entry in the log, takes the
    logits that ``logits_mask`` selects, and is computed in float32 whatever the precision of the models.

    With ``sinkd_plugin.DistillationConfig`` it trains exactly as ``GeneralDistiller`` does. With TextBrewer's own and
    ``kd_loss_type="sinkd"`` the two differ where ``kd_loss_weight`` is not 1: TextBrewer's distillers multiply the
    whole slot by it, the transport term included.

    Args:
        train_config: TextBrewer's ``TrainingConfig``.
        distill_config: ``sinkd_plugin.DistillationConfig``, or TextBrewer's own.
        model_T: The teacher.
        model_S: The student.
        adaptor_T: The teacher's adaptor.
        adaptor_S: The student's adaptor.
        custom_matches: As in ``GeneralDistiller``.
        precision: ``bf16`` runs both models under autocast.
        observer: Called after each forward pass with its number and its loss terms; replaces TextBrewer's bars.
        save_state_dicts: Whether to write TextBrewer's ``gs{step}.pkl`` at each checkpoint.
    """

    def __init__(
        self,
        train_config: Any,
        distill_config: Any,
        model_T: Any,
        model_S: Any,
        adaptor_T: Callable[..., Any],
        adaptor_S: Callable[..., Any],
        custom_matches: list[Any] | None = None,
        *,
        precision: Precision = "fp32",
        observer: Observer | None = None,
        save_state_dicts: bool = True,
    ) -> None:
        base, transport = _terms(distill_config)
        super().__init__(train_config, distill_config, model_T, model_S, adaptor_T, adaptor_S, custom_matches)
        self.kd_loss = _host.KD_LOSS_MAP[base]
        self._transport: SinkhornLoss | None = transport_loss(transport) if transport else None
        self._transport_weight = transport.weight if transport else 0.0
        self._precision = precision
        self._observer = observer
        self._save_state_dicts = save_state_dicts
        self._passes = 0

    def train_on_batch(self, batch: Any, args: Mapping[str, Any]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """One forward pass of both models and the loss; accepts the ``BatchEncoding`` of Transformers' collators."""
        with self._autocast(enabled=True):
            outcome: tuple[torch.Tensor, dict[str, torch.Tensor]] = super().train_on_batch(_plain(batch), args)
        return outcome

    def compute_loss(
        self, results_S: dict[str, Any], results_T: dict[str, Any]
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The total and its terms, each a 0-dim tensor.

        Raises:
            LossInputError: If the adaptors' results do not fit each other.
            NonFiniteLossError: If logits are NaN or infinite.
        """
        check_adapted(results_S, results_T, self.d_config.hard_label_weight)
        with self._autocast(enabled=False):
            student, teacher = _in_float32(_tidied(results_S)), _in_float32(_tidied(results_T))
            for results, side in ((student, "student"), (teacher, "teacher")):
                check_finite(results.get("logits", []), side, self._passes)
            transport = self._transport_term(student, teacher)
            total, terms = super().compute_loss(student, teacher)
        check_total(total)
        if transport is not None:
            total = total + self._transport_weight * transport
            terms[TRANSPORT_TERM] = transport
        return total, terms

    def write_loss(self, total_loss: torch.Tensor, writer_step: int, losses_dict: Any = None) -> None:
        """Log the terms, and stop before a loss that is not finite reaches the weights.

        Raises:
            NonFiniteLossError: If the total is NaN or infinite.
        """
        values = {
            name: float(loss.detach()) for name, loss in {"total_loss": total_loss, **(losses_dict or {})}.items()
        }
        if not math.isfinite(values["total_loss"]):
            terms = ", ".join(f"{name} {value:g}" for name, value in values.items())
            raise NonFiniteLossError(
                "The loss must be finite at every step.",
                received=f"at step {writer_step}: {terms}",
                cure="Lower the learning rate, or set training.precision to fp32.",
            )
        for name, value in values.items():
            self.tb_writer.add_scalar(f"scalar/{name}", value, writer_step)
        if self._observer is not None:
            self._observer(writer_step, values)
        self._passes = writer_step + 1

    def initialize_training(self, *arguments: Any) -> tuple[Any, Any, bool | None]:
        """As in TextBrewer; its own bars are off when an observer draws one."""
        optimizer, scheduler, bars_off = super().initialize_training(*arguments)
        return optimizer, scheduler, True if self._observer else bars_off

    def save_and_callback(self, global_step: int, step: int, epoch: int, callback: Any) -> None:
        """As in TextBrewer, except that the state dict is written on request only."""
        if self._save_state_dicts:
            super().save_and_callback(global_step, step, epoch, callback)
        elif callback is not None:
            callback(model=self.model_S, step=global_step)
            self.model_S.train()

    def _autocast(self, *, enabled: bool) -> AbstractContextManager[Any]:
        if self._precision == "fp32":
            return nullcontext()
        return torch.autocast(torch.device(self.t_config.device).type, torch.bfloat16, enabled=enabled)

    def _transport_term(self, student: Mapping[str, Any], teacher: Mapping[str, Any]) -> torch.Tensor | None:
        """The sum over heads, as TextBrewer sums its KD term.

        Computed before that term, because ``probability_shift`` writes into the teacher's logits.
        """
        pairs = list(zip(_selected(student), _selected(teacher), strict=True))
        for student_logits, teacher_logits in pairs:
            check_shapes(student_logits, teacher_logits)
        if self._transport is None or not pairs:
            return None
        return torch.stack([self._transport(as_rows(first), as_rows(second)) for first, second in pairs]).sum()


def _terms(config: Any) -> tuple[str, SinkdOptions | None]:
    """Name of the KD term and options of the transport term, from our configuration or from TextBrewer's own.

    Raises:
        UnknownNameError: If TextBrewer knows no such KD term.
    """
    transport = getattr(config, "sinkd", None)
    if config.kd_loss_type == "sinkd":
        return "kl", transport or SinkdOptions()
    base: Any = getattr(config, "base_kd_loss_type", config.kd_loss_type)
    known = isinstance(base, Hashable) and base in _host.KD_LOSS_MAP
    if not known:
        raise unknown_name("loss", str(base), map(str, _host.KD_LOSS_MAP))
    return base, transport


def _plain(batch: Any) -> Any:
    """TextBrewer asks for ``type(batch) is dict``; Transformers' batches are mappings of another type."""
    if not isinstance(batch, Mapping):
        return batch
    return {key: _plain(value) if isinstance(value, Mapping) else value for key, value in batch.items()}


def _tidied(results: Mapping[str, Any]) -> dict[str, Any]:
    """Without a loss that is ``None``, and with a mask for each head.

    Transformers' models return ``None`` where the batch has no labels; TextBrewer stumbles over one mask for several
    heads.
    """
    tidied = dict(results)
    losses = [loss for loss in tidied.pop("losses", []) if loss is not None]
    if losses:
        tidied["losses"] = losses
    if len(tidied.get("logits_mask", [])) == 1:
        tidied["logits_mask"] = list(tidied["logits_mask"]) * len(tidied["logits"])
    return tidied


def _in_float32(results: Mapping[str, Any]) -> dict[str, Any]:
    """Logits and what intermediate matches compare: autocast leaves some in half precision and some not."""
    return {
        name: [_widened(tensor) for tensor in value] if _are_features(name, value) else value
        for name, value in results.items()
    }


def _are_features(name: str, value: Any) -> bool:
    return name in ("logits", *_host.FEATURES) and isinstance(value, (list, tuple))


def _widened(tensor: Any) -> Any:
    half = isinstance(tensor, torch.Tensor) and tensor.dtype in (torch.float16, torch.bfloat16)
    return tensor.float() if half else tensor


def _selected(results: Mapping[str, Any]) -> list[torch.Tensor]:
    """The logits of each head, those that the mask selects."""
    logits: list[torch.Tensor] = results.get("logits", [])
    if "logits_mask" not in results:
        return logits
    selected: list[torch.Tensor] = _host.distiller_utils.select_logits_with_mask(logits, results["logits_mask"])
    return selected


_host.Distillers.setdefault("SinkD", SinkhornDistiller)
