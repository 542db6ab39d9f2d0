"""How decoders are asked and read out: one sequence of prompt and answer, each token predicted from the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin.architectures.answers import tokens_after
from sinkd_plugin.architectures.generative_reader import Example, GenerativeReader, leading_tokens
from sinkd_plugin.choices import IGNORED
from sinkd_plugin.specs import Question


class DecoderReader(GenerativeReader):
    """Prompt and answer in one sequence, padded on the right whatever the tokenizer prefers.

    Padding behind is behind what any token looks at, and leaves the positions of GPT-2's and GPT-Neo's learned tables
    where they are; only ``question_batch`` pads on the left, because generation goes on at the right end.
    """

    _continues_prompt = True

    def __init__(self, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, question: Question) -> None:
        super().__init__(config, tokenizer, question)
        framed = tokenizer("x")["input_ids"]
        self._leading = leading_tokens(framed, tokenizer("x", add_special_tokens=False)["input_ids"])

    def _prompt_tokens(self, texts: Sequence[str]) -> list[list[int]]:
        encoded = self._tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        return [[*self._leading, *ids] for ids in encoded]

    def _answer_tokens(self, words: Sequence[str]) -> list[list[int]]:
        ask = self._question.ask
        context = ask(dict.fromkeys(self._question.text, "x")) if ask else ""
        return tokens_after(self._tokenizer, context, words)

    def _limit(self) -> int:
        longest = max(map(len, self._answers.tokens), default=self._question.max_target_length - len(self._end))
        room = longest + len(self._end) - 1  # nothing is predicted from the last token of an answer
        return min(self._question.max_length, int(self._tokenizer.model_max_length) - room)

    def _prefix(self, example: Example) -> list[int]:
        return list(example["prompt"])

    def _inputs(self, examples: Sequence[Example], sequences: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
        return self._padded_inputs(sequences)

    def _rows(
        self, model: PreTrainedModel, examples: Sequence[Example], inputs: torch.Tensor, answers: torch.Tensor
    ) -> torch.Tensor:
        mask = (answers != IGNORED).flip(1).cumsum(1).flip(1) > 0  # nothing stands behind the last token that is read
        outputs = model(
            input_ids=inputs.to(model.device),
            attention_mask=mask.long(),
            answers=answers,
            **self.forward_arguments,
        )
        rows: torch.Tensor = outputs.logits
        return rows

    def _features(self, batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        return {
            "hidden": outputs.get("hidden_states"),
            "attention": outputs.get("attentions"),
            "inputs_mask": batch.get("attention_mask"),
        }
