"""The trainer's loop with a method of ``sequence`` where a batch's KD term would stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from sinkd_plugin.sequence.methods import METHODS, WRITERS, Writer
from sinkd_plugin.sequence.objective import along
from sinkd_plugin.sequence.steps import Steps
from sinkd_plugin.specs import DistillationPlan, Reader
from sinkd_plugin.textbrewer.checks import check_total
from sinkd_plugin.textbrewer.distiller import BasicDistiller
from sinkd_plugin.textbrewer.objective import TRANSPORT_TERM
from sinkd_plugin.textbrewer.term import Term, weighted_sum
from sinkd_plugin.training.sequence_options import SequenceOptions

Example = Mapping[str, Any]
Write = Callable[[Sequence[Example]], list[list[int]]]
"""Gives a sequence for each example, with the token that ends it if it was not cut."""


class SequenceDistiller(BasicDistiller):
    """``L = method on sampled sequences + sinkd.weight * SD`` over the rows of their steps, where ``sinkd`` is given.

    A batch is ``{"examples": [...], "index": ...}``, encoded examples of a task without anything written for them yet.

    Args:
        plan: Models, TextBrewer's configurations, precision and observer.
        reader: Of both models, which share a vocabulary.
        options: The method.
        write: How each writer's sequences come about.
    """

    def __init__(
        self, plan: DistillationPlan, reader: Reader, options: SequenceOptions, write: Mapping[Writer, Write]
    ) -> None:
        super().__init__(
            plan.train_config,
            plan.distill_config,
            plan.teacher,
            plan.student,
            plan.adaptor,
            plan.adaptor,
            precision=plan.precision,
            scope="local",
            observer=plan.observer,
            save_state_dicts=False,
        )
        self._reader = reader
        self._options = options
        self._method = METHODS[options.method]
        self._write = write

    def train_on_batch(self, batch: Any, args: Mapping[str, Any]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Sample sequences, let both models read them, and compute the loss."""
        self._forget()
        writers = WRITERS[self._options.taken_from]
        for writer in writers:
            written = self._write[writer](batch["examples"])
            student, teacher = self._rows(batch["examples"], written, args)
            self._logits.append(student)
            with self._autocast(enabled=False):
                self._terms += self._terms_on(writer, written, student, teacher, 1 / len(writers))
        total = weighted_sum(self._terms)
        check_total(total)
        assert isinstance(total, torch.Tensor)  # noqa: S101 - what check_total has just made sure of
        return total, {term.name: term.value for term in self._terms}

    def _rows(
        self, examples: Sequence[Example], written: Sequence[Sequence[int]], args: Mapping[str, Any]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Both models' logits of each token of the sequences ``(tokens, vocabulary)``, sequence after sequence."""
        answered = [{**example, "answer": list(one)} for example, one in zip(examples, written, strict=True)]
        batch = {name: value.to(self.t_config.device) for name, value in self._reader.collate(answered).items()}
        with self._autocast(enabled=True):
            with torch.no_grad():
                theirs = self._reader.adaptor(batch, self.model_T(**batch, **args))
            ours = self._reader.adaptor(batch, self.model_S(**batch, **args))
        found = self._comparable({"logits": [ours["logits"]]}, {"logits": [theirs["logits"]]}, self.model_T)
        student, teacher = (results["logits"][0] for results in found)
        return student, teacher.to(student.device)

    def _terms_on(
        self,
        writer: Writer,
        written: Sequence[Sequence[int]],
        student: torch.Tensor,
        teacher: torch.Tensor,
        weight: float,
    ) -> Iterator[Term]:
        steps = _steps(written, student, teacher)
        exact = self._options.exact_gradient and writer == "student"
        value = along(self._method.step_loss(writer)(steps), steps, per=self._options.per, exact_gradient=exact)
        yield Term(name=f"unweighted_{self._method.name}_loss_on_{writer}", value=value, weight=weight)
        if self._transport is not None:
            moved = self._moved(student.float(), teacher.float())
            share = self._weigh(value, moved, [student], 1.0)
            yield Term(name=f"{TRANSPORT_TERM}_on_{writer}", value=moved, weight=weight * share)


def _steps(written: Sequence[Sequence[int]], student: torch.Tensor, teacher: torch.Tensor) -> Steps:
    lengths = [len(one) for one in written]
    tokens = pad_sequence([torch.tensor(one, device=student.device) for one in written], batch_first=True)
    mask = pad_sequence([torch.ones(length, device=student.device) for length in lengths], batch_first=True)
    ours, theirs = (pad_sequence(list(torch.split(rows, lengths)), batch_first=True) for rows in (student, teacher))
    return Steps.from_logits(ours, theirs, tokens, mask)
