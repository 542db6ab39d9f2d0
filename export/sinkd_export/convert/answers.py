"""A generative student as one graph from the ids of a question to a score of each label.

Optimum exports what writes texts, not what compares given answers. The graph computes what the core computes: each
answer's log-probability behind the question, of all answers at once. Answers of one token need one sequence a question;
longer ones one for each different beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sinkd_export.families import Family
from sinkd_export.quiet import quiet_export
from sinkd_plugin.errors import UserError

Tokens = Sequence[int]


class AnswerScores(nn.Module):
    """Log-probabilities ``(batch, labels)`` of fixed answers.

    Args:
        model: The generative model.
        answers: Tokens of each label's answer.
        length_normalised: Divide by the number of an answer's tokens.
    """

    def __init__(self, model: Any, answers: Sequence[Tokens], *, length_normalised: bool) -> None:
        super().__init__()
        self.model = model
        self.answers = [tuple(answer) for answer in answers]
        self.beginnings = list(dict.fromkeys(answer[:-1] for answer in self.answers))
        self.steps = max(map(len, self.beginnings))
        self.length_normalised = length_normalised

    def compared(self, logits: Tensor) -> Tensor:
        """From logits ``(batch, beginnings, steps + 1, vocabulary)`` to scores."""
        found = logits.float().log_softmax(dim=-1)
        scores = []
        for answer in self.answers:
            row = self.beginnings.index(answer[:-1])
            each = [found[:, row, place, token] for place, token in enumerate(answer)]
            total = torch.stack(each).sum(dim=0)
            scores.append(total / len(answer) if self.length_normalised else total)
        return torch.stack(scores, dim=1)

    def table(self) -> Tensor:
        """The beginnings ``(beginnings, steps)``; what stands behind the end of one is never looked at."""
        rows = [[*beginning, *[0] * (self.steps - len(beginning))] for beginning in self.beginnings]
        return torch.tensor(rows, dtype=torch.long).reshape(len(rows), self.steps)

    def each(self, values: Tensor) -> Tensor:
        """Every row once for each beginning."""
        times = len(self.beginnings)
        return values.unsqueeze(1).expand(-1, times, *values.shape[1:]).reshape(-1, *values.shape[1:])


class DecoderScores(AnswerScores):
    """Of a decoder: the answer's beginning is written behind the last token of each question, over its padding."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Scores of questions padded on the right."""
        last = self.each(attention_mask.sum(dim=1, keepdim=True)) - 1
        ids, mask = self.each(input_ids), self.each(attention_mask)
        if self.steps:
            room = torch.zeros_like(ids[:, :1]).expand(-1, self.steps)
            places = last + 1 + torch.arange(self.steps)
            written = self.table().unsqueeze(0).expand(input_ids.shape[0], -1, -1).reshape(-1, self.steps)
            ids = torch.cat([ids, room], dim=1).scatter(1, places, written)
            mask = torch.cat([mask, room], dim=1).scatter(1, places, torch.ones_like(written))
        hidden = self.model.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        read = (last + torch.arange(self.steps + 1)).unsqueeze(-1).expand(-1, -1, hidden.shape[-1])
        logits = self.model.lm_head(hidden.gather(1, read))
        return self.compared(logits.reshape(input_ids.shape[0], len(self.beginnings), self.steps + 1, -1))


class EncoderDecoderScores(AnswerScores):
    """Of an encoder-decoder: the question is read once, the answers' beginnings are written by the decoder.

    Args:
        model: The generative model.
        answers: Tokens of each label's answer.
        start: What the decoder starts from.
        length_normalised: Divide by the number of an answer's tokens.
    """

    def __init__(self, model: Any, answers: Sequence[Tokens], start: Tokens, *, length_normalised: bool) -> None:
        super().__init__(model, answers, length_normalised=length_normalised)
        self.start = tuple(start)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Scores of questions padded on the right."""
        from transformers.modeling_outputs import BaseModelOutput

        read = self.model.get_encoder()(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        start = torch.tensor([self.start], dtype=torch.long).expand(len(self.beginnings), -1)
        written = torch.cat([start, self.table()], dim=1)
        decoded = written.unsqueeze(0).expand(input_ids.shape[0], -1, -1).reshape(-1, written.shape[1])
        logits = self.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=self.each(read)),
            attention_mask=self.each(attention_mask),
            decoder_input_ids=decoded,
            use_cache=False,
        ).logits[:, len(self.start) - 1 :]
        return self.compared(logits.reshape(input_ids.shape[0], len(self.beginnings), self.steps + 1, -1))


@contextmanager
def _traceable_masks() -> Iterator[None]:
    """Transformers builds GPT-2's masks with vmap, which cannot be traced; optimum brings masks that can."""
    from optimum.exporters.onnx.model_patcher import eager_mask_without_vmap, sdpa_mask_without_vmap
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS as MASKS

    before = {name: MASKS[name] for name in ("sdpa", "eager")}
    MASKS.register("sdpa", sdpa_mask_without_vmap)
    MASKS.register("eager", eager_mask_without_vmap)
    try:
        yield
    finally:
        for name, function in before.items():
            MASKS.register(name, function)


def convert_answers(
    model: Any,
    family: Family,
    into: Path,
    *,
    answers: Sequence[Tokens],
    start: Tokens,
    length_normalised: bool,
    opset: int,
) -> None:
    """Write ``model.onnx``.

    Args:
        model: The generative model in evaluation mode.
        family: Its family.
        into: The folder to write into.
        answers: Tokens of each label's answer.
        start: What the decoder of an encoder-decoder starts from.
        length_normalised: Divide an answer's log-probability by its number of tokens.
        opset: Version of the operator set.

    Raises:
        UserError: If the model needs operators that the opset does not have.
    """
    scores: AnswerScores = (
        DecoderScores(model, answers, length_normalised=length_normalised)
        if family == "decoder"
        else EncoderDecoderScores(model, answers, start, length_normalised=length_normalised)
    )
    ids = torch.ones(2, 7, dtype=torch.long)
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    axes = {0: "batch_size", 1: "sequence_length"}
    try:
        with quiet_export(), _traceable_masks(), torch.no_grad():
            torch.onnx.export(
                scores.eval(),
                (ids, mask),
                str(into / "model.onnx"),
                input_names=["input_ids", "attention_mask"],
                output_names=["logits"],
                dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "batch_size"}},
                opset_version=opset,
                dynamo=False,  # onnxruntime's fusions know the graphs of the tracing exporter
            )
    except torch.onnx.errors.UnsupportedOperatorError as error:
        raise UserError(
            "The opset must have every operator of the model.",
            received=f"opset {opset}: {str(error).splitlines()[0]}",
            cure="Choose a newer --opset.",
        ) from error
