"""How encoder-decoders are asked and read out: the prompt into the encoder, the answer out of the decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import BaseModelOutput

from sinkd_plugin.architectures.generative_reader import Example, GenerativeReader, leading_tokens
from sinkd_plugin.choices import IGNORED, padded
from sinkd_plugin.specs import Question


class EncoderDecoderReader(GenerativeReader):
    """The decoder starts from its start token, and from what the tokenizer puts before a text (BART's ``<s>``)."""

    _continues_prompt = False

    def __init__(self, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, question: Question) -> None:
        super().__init__(config, tokenizer, question)
        framed = tokenizer(text_target="x")["input_ids"]
        bare = tokenizer(text_target="x", add_special_tokens=False)["input_ids"]
        self._start = [config.decoder_start_token_id, *leading_tokens(framed, bare)]

    def _prompt_tokens(self, texts: Sequence[str]) -> list[list[int]]:
        found: list[list[int]] = self._tokenizer(list(texts), verbose=False)["input_ids"]
        return found

    def _answer_tokens(self, words: Sequence[str]) -> list[list[int]]:
        if not words:
            return []
        found: list[list[int]] = self._tokenizer(text_target=list(words), add_special_tokens=False)["input_ids"]
        return found

    def _limit(self) -> int:
        return min(self._question.max_length, int(self._tokenizer.model_max_length))

    def _prefix(self, example: Example) -> list[int]:
        return self._start

    def _beginnings(self, count: int) -> dict[str, torch.Tensor]:
        return {"decoder_input_ids": torch.tensor([self._start] * count)}

    def _inputs(self, examples: Sequence[Example], sequences: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
        asked = self._padded_inputs([example["prompt"] for example in examples])
        return {**asked, "decoder_input_ids": padded(sequences, self._pad)}

    def _rows(
        self, model: PreTrainedModel, examples: Sequence[Example], inputs: torch.Tensor, answers: torch.Tensor
    ) -> torch.Tensor:
        asked = {name: value.to(model.device) for name, value in self.question_batch(examples).items()}
        read = model.get_encoder()(**asked).last_hidden_state
        times = len(inputs) // len(examples)
        outputs = model(
            encoder_outputs=BaseModelOutput(last_hidden_state=read.repeat_interleave(times, dim=0)),
            attention_mask=asked["attention_mask"].repeat_interleave(times, dim=0),
            decoder_input_ids=inputs.to(model.device),
            answers=answers,
            **self.forward_arguments,
        )
        rows: torch.Tensor = outputs.logits
        return rows

    def _features(self, batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        """Of each stack with its own mask; the decoder's tells the states that predict the answer."""
        return {
            "hidden": outputs.get("encoder_hidden_states"),
            "attention": outputs.get("encoder_attentions"),
            "inputs_mask": batch.get("attention_mask"),
            "decoder_hidden": outputs.get("decoder_hidden_states"),
            "decoder_attention": outputs.get("decoder_attentions"),
            "decoder_inputs_mask": (batch["answers"] != IGNORED).long(),
        }
