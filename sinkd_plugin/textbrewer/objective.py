"""``L = hard_label_weight * CE + kd_loss_weight * KD + sinkd.weight * SD`` and what stands beside it, term by term."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch

from sinkd_plugin.errors import NonFiniteLossError, unknown_name
from sinkd_plugin.losses.kd_slot import as_rows
from sinkd_plugin.losses.transport_weight import TransportWeight
from sinkd_plugin.options import validate
from sinkd_plugin.ot.options import SinkdOptions
from sinkd_plugin.ot.result import TransportResult
from sinkd_plugin.textbrewer.checks import check_adapted, check_shapes, check_total
from sinkd_plugin.textbrewer.combined import transport_loss
from sinkd_plugin.textbrewer.heads import examples_not_finite, in_float32, selected, shifted, tidied
from sinkd_plugin.textbrewer.host import textbrewer
from sinkd_plugin.textbrewer.precision import Precision, autocast
from sinkd_plugin.textbrewer.sampling import sampled
from sinkd_plugin.textbrewer.term import Term, weighted_sum

_host = textbrewer()
Results = dict[str, Any]
TRANSPORT_TERM = "unweighted_sinkhorn_loss"
SHARE_OF_KD = "sinkhorn_share_of_kd_gradient"
"""In the log: length of the weighted transport gradient at the logits over that of the weighted KD term's."""


class Objective:
    """The loss of one forward pass, in float32 whatever the precision of the models.

    Attributes:
        kd_loss: The KD term; the transport term is apart from it.
    """

    d_config: Any
    t_config: Any
    kd_loss: Callable[..., torch.Tensor]
    _base_weights: dict[str, float]
    _precision: Precision = "fp32"
    _seed: int = 0
    _transport_follows_kd = True
    """Whether TextBrewer's own configuration, where it says "sinkd", has both terms scaled by ``kd_loss_weight``."""

    def _own_objective(self) -> None:
        base, transport, ours = terms_of(self.d_config)
        self.kd_loss = _host.KD_LOSS_MAP[base]
        self._transport = transport_loss(transport) if transport else None
        self._transport_weight = TransportWeight(transport) if transport else None
        self._scaled_by_kd = self._transport_follows_kd and not ours
        self._max_rows = transport.max_rows if transport else None
        self._passes = 0
        self._forget()

    def _forget(self) -> None:
        """Let go of the last pass, whose tensors hold on to its graph."""
        self._terms: list[Term] = []
        self._logits: list[torch.Tensor] = []
        self._plans: Sequence[TransportResult] = []
        self._shares: Mapping[str, float] = {}
        self._broken_rows: Sequence[int] = ()

    def compute_loss(self, results_S: Results, results_T: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The total and its terms, each a 0-dim tensor.

        Args:
            results_S: What the student's adaptor returned, lists as TextBrewer makes them.
            results_T: The same of the teacher; of each teacher, for ``MultiTeacherDistiller``.

        Raises:
            LossInputError: If the adaptors' results do not fit each other.
            NonFiniteLossError: If logits are NaN or infinite.
        """
        self._forget()
        with self._autocast(enabled=False):
            teacher = self._one_teacher(results_T)
            check_adapted(results_S, teacher, self._base_weights["hard_label_weight"])
            student, teacher = in_float32(tidied(results_S)), in_float32(tidied(teacher))
            self._check_finite(student, "student", student.get("row_examples"))
            self._check_finite(teacher, "teacher", student.get("row_examples"))
            self._logits = list(results_S.get("logits", []))
            self._terms = list(self._each_term(student, teacher))
            total = weighted_sum(self._terms)
        check_total(total)
        assert isinstance(total, torch.Tensor)  # noqa: S101 - what check_total has just made sure of
        return total, {term.name: term.value for term in self._terms}

    def _one_teacher(self, results_T: Any) -> Results:
        found: Results = results_T
        return found

    def _each_term(self, student: Results, teacher: Results) -> Iterator[Term]:
        yield from self._logit_terms(student, teacher)
        yield from self._match_terms(student, teacher)
        yield from self._custom_match_terms(student, teacher)
        if "losses" in student:
            value = torch.stack([loss.mean() for loss in student["losses"]]).sum()
            yield Term(name="unweighted_hard_label_loss", value=value, weight=self.d_config.hard_label_weight)

    def _match_terms(self, student: Results, teacher: Results) -> Iterator[Term]:
        yield from ()

    _custom_match_terms = _match_terms

    def _logit_terms(self, student: Results, teacher: Results) -> Iterator[Term]:
        """KD and transport, each summed over heads as TextBrewer sums its KD term."""
        if not student.get("logits"):
            return
        ours, theirs = selected(student), selected(teacher)
        for one, two in zip(ours, theirs, strict=True):
            check_shapes(one, two)
        wanted = selected(shifted(teacher, student)) if self.d_config.probability_shift else theirs
        weight = self.d_config.kd_loss_weight
        kd = torch.stack([self._kd(one, two) for one, two in zip(ours, wanted, strict=True)]).sum()
        yield Term(name="unweighted_kd_loss", value=kd, weight=weight)
        if self._transport is not None:
            transport = torch.stack([self._moved(one, two) for one, two in zip(ours, theirs, strict=True)]).sum()
            yield Term(name=TRANSPORT_TERM, value=transport, weight=self._weigh(kd, transport, ours, weight))

    def _weigh(self, kd: torch.Tensor, transport: torch.Tensor, heads: list[torch.Tensor], kd_weight: float) -> float:
        """The transport term's weight in this pass (β of Eq. 19)."""
        assert self._transport_weight is not None  # noqa: S101 - its only caller asks
        weight = self._transport_weight(kd, transport, heads, kd_weight)
        if self._transport_weight.follows_gradients:
            share = self._transport_weight.share_of_gradient(weight, kd_weight)
            self._shares = {} if share is None else {SHARE_OF_KD: share}
            return weight  # which is one of the KD term's already
        return kd_weight * weight if self._scaled_by_kd else weight

    def _kd(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """One head's KD; where a mask has left no row there is nothing to learn: 0, and not the mean of nothing."""
        if student.numel() == 0:
            return student.sum()
        temperature = self.d_config.temperature
        if self.d_config.temperature_scheduler is not None:
            temperature = self.d_config.temperature_scheduler(student, teacher, temperature)
        return self.kd_loss(student, teacher, temperature)

    def _moved(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        assert self._transport is not None  # noqa: S101 - its only caller asks
        if student.numel() == 0:
            return student.sum()
        rows = sampled(as_rows(student), as_rows(teacher), self._max_rows, seed=self._seed, draw=self._passes)
        result = self._transport.transport(*rows)
        self._plans = [*self._plans, result]
        return result.value

    def _check_finite(self, results: Results, side: str, row_examples: torch.Tensor | None) -> None:
        """``row_examples`` is the student's on both sides: they give the same rows, and a kept teacher no more."""
        broken = examples_not_finite(results, row_examples)
        if broken:
            self._broken_rows = broken
            raise NonFiniteLossError(
                f"The {side}'s logits must be finite at every step.",
                received=f"NaN or infinite logits at step {self._passes}",
                cure="Lower the learning rate, or set training.precision to fp32.",
            )

    def _autocast(self, *, enabled: bool) -> AbstractContextManager[Any]:
        return autocast(self._precision, self.t_config.device, enabled=enabled)


def terms_of(config: Any) -> tuple[str, SinkdOptions | None, bool]:
    """What a configuration, ours or TextBrewer's own, asks for.

    Returns:
        Name of the KD term, options of the transport term, and whether the configuration is ours.

    Raises:
        UnknownNameError: If TextBrewer knows no such KD term.
    """
    transport = getattr(config, "sinkd", None)
    if isinstance(transport, Mapping):
        transport = validate(SinkdOptions, dict(transport), "distillation.sinkd")
    ours = hasattr(config, "base_kd_loss_type")
    if config.kd_loss_type == "sinkd":
        return "kl", transport or SinkdOptions(), ours
    base: Any = getattr(config, "base_kd_loss_type", config.kd_loss_type)
    known = isinstance(base, Hashable) and base in _host.KD_LOSS_MAP
    if not known:
        raise unknown_name("loss", str(base), map(str, _host.KD_LOSS_MAP))
    return base, transport, ours
