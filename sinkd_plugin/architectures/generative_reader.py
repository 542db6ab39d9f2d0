"""What encoder-decoders and decoders have in common: asked by a prompt, answering in words, read at their answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from datasets import Dataset
from torch.nn.functional import cross_entropy
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin.architectures.answers import checked
from sinkd_plugin.architectures.generative import vocabulary
from sinkd_plugin.architectures.prompting import prompts
from sinkd_plugin.architectures.rows import reading_answers
from sinkd_plugin.architectures.writing import generation_settings, until_end
from sinkd_plugin.choices import IGNORED, Choices, padded
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.specs import Decoding, Question

Example = Mapping[str, Any]


class GenerativeReader(ABC):
    """A prompt in, rows ``(n, vocabulary)`` of the answer out; labels are scored by their answers' log-probability.

    An answer in training is its verbaliser's tokens and the end token, each predicted from what stands before it; the
    cross-entropy is the mean over all of them. The rows that teacher and student are compared on are those of
    ``question.rows``, example after example, each from left to right.

    Args:
        config: The model's.
        tokenizer: The model's.
        question: What it is asked.

    Raises:
        ConfigError: If the answers cannot be told apart.
    """

    forward_arguments: Mapping[str, Any] = {"use_cache": False}

    def __init__(self, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, question: Question) -> None:
        self._config = config
        self._tokenizer = tokenizer
        self._question = question
        self._tokens = vocabulary(tokenizer)
        self._pad = tokenizer.pad_token_id
        self._end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
        self._answers = checked(question.answers, self._answer_tokens(question.answers))
        self._choices = Choices(self._answers.tokens, length_normalised=question.length_normalised)
        by_label = question.rows == "verbaliser"
        if by_label and not question.answers:
            raise ConfigError("'readout: verbaliser' needs a task with labels.", received="a text to be written")
        self._candidates = list(self._answers.candidates) if by_label else None
        self.columns: Sequence[str] = question.labels if by_label else self._tokens

    def encode(self, split: Dataset) -> Dataset:
        """The prompt of each example, and the tokens of the right answer."""
        question = self._question
        asked = prompts(split, question.text, _asker(question), self._prompt_tokens, self._limit())
        answers = [[*tokens, *self._end] for tokens in self._right_answers(split)]
        lengths = [len(prompt) + len(answer) for prompt, answer in zip(asked, answers, strict=True)]
        columns = {"prompt": asked, "answer": answers, "index": list(range(len(split))), "length": lengths}
        labels = {} if question.target else {"label": list(split["label"][:])}
        return Dataset.from_dict({**columns, **labels})

    def collate(self, examples: Sequence[Example]) -> dict[str, torch.Tensor]:
        """The examples padded on the right: inputs, ``answers``, ``rows (batch, length)`` and ``index``."""
        prefixes = [self._prefix(example) for example in examples]
        sequences = [[*prefix, *example["answer"]] for prefix, example in zip(prefixes, examples, strict=True)]
        targets, rows = [], []
        for prefix, example in zip(prefixes, examples, strict=True):
            before = len(prefix) - 1  # what stands at a position predicts the next one
            targets.append([*[IGNORED] * before, *example["answer"]])
            rows.append([*[0] * before, *self._compared(len(example["answer"]))])
        inputs = [sequence[:-1] for sequence in sequences]
        return {
            **self._inputs(examples, inputs),
            "answers": padded(targets, IGNORED),
            "rows": padded(rows, 0).bool(),
            "index": torch.tensor([example["index"] for example in examples]),
        }

    def attached(self, model: PreTrainedModel) -> AbstractContextManager[None]:
        """The model takes ``answers``, and gives logits of their positions alone."""
        return reading_answers(model)

    def adaptor(self, batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        """TextBrewer's adaptor: rows ``(n, columns)`` as ``logits``, and the cross-entropy of the answers.

        A model whose table of embeddings is filled up to a round number has more entries than its tokenizer has tokens;
        the cross-entropy is over all of them, so that the model learns to leave them out, the rows are of tokens alone.
        ``row_examples`` tells which example of the batch each row is of.
        """
        logits = outputs["logits"]
        if "answers" not in batch:  # a teacher that has spoken before: these are its rows
            return {"logits": logits}
        answered = batch["answers"] != IGNORED
        logits = logits[answered] if logits.dim() > 2 else logits
        targets, compared = batch["answers"][answered], batch["rows"][answered]
        rows, labels = logits[compared], targets[compared]
        if self._candidates is None:
            rows = rows[:, : len(self.columns)]  # what fills a table of embeddings up is no token
        else:
            candidates = torch.tensor(self._candidates, device=rows.device)
            rows, labels = rows[:, candidates], (labels.unsqueeze(1) == candidates).int().argmax(dim=1)
        found = {
            "logits": rows,
            "labels": labels,
            "losses": cross_entropy(logits.float(), targets),
            "row_examples": batch["rows"].nonzero()[:, 0],
            **self._features(batch, outputs),
        }
        return {name: value for name, value in found.items() if value is not None}

    def row_counts(self, examples: Dataset) -> Sequence[int]:
        """All tokens of the answer and its end, or one row."""
        return [sum(self._compared(len(answer))) for answer in examples["answer"][:]]

    @torch.no_grad()
    def class_scores(self, model: PreTrainedModel, examples: Sequence[Example]) -> torch.Tensor:
        """The log-probability of each label's verbaliser, as the whole of it or a token on average.

        As T0 ranks answers (Sanh et al. 2022, section 4): of all answers at once, nothing is generated.
        """
        prefixes = [self._prefix(example) for example in examples]
        inputs, answers = self._choices.asked(prefixes, self._pad)
        with self.attached(model):
            rows = self._rows(model, examples, inputs, answers.to(model.device))
        return self._choices.scores(rows.reshape(len(examples), -1, rows.shape[-1]))

    def question_batch(self, examples: Sequence[Example]) -> dict[str, torch.Tensor]:
        """Prompts alone, as ``generate`` takes them: what is generated follows each prompt's last token."""
        asked = [example["prompt"] for example in examples]
        return self._padded_inputs(asked, left=self._continues_prompt)

    @torch.no_grad()
    def write(self, model: PreTrainedModel, examples: Sequence[Example], decoding: Decoding) -> list[list[int]]:
        """What the model writes after each prompt, in tokens; the end is among them where it comes in time."""
        inputs = {**self.question_batch(examples), **self._beginnings(len(examples))}
        generated = model.generate(
            **{name: value.to(model.device) for name, value in inputs.items()},
            generation_config=generation_settings(model, decoding, self._question.max_target_length, self._tokens),
            use_model_defaults=False,
        )
        written = generated[:, inputs.get("decoder_input_ids", inputs["input_ids"]).shape[1] :]
        return [until_end(row, self._end) for row in written.tolist()]

    def text(self, tokens: Sequence[int]) -> str:
        """Written tokens as a text, without special ones."""
        found: str = self._tokenizer.decode(list(tokens), skip_special_tokens=True)
        return found.strip()

    def _beginnings(self, count: int) -> dict[str, torch.Tensor]:
        """What stands before ``count`` answers, where it is no part of the prompts."""
        return {}

    def _compared(self, length: int) -> list[int]:
        """1 for each of an answer's tokens whose rows are compared."""
        if self._question.rows == "answer":
            return [1] * length
        last = length - 1 - len(self._end)
        place = last if self._question.rows == "last" else self._answers.place
        return [int(each == place) for each in range(length)]

    def _right_answers(self, split: Dataset) -> list[Sequence[int]]:
        if self._question.target is None:
            return [self._answers.tokens[label] for label in split["label"][:]]
        room = self._question.max_target_length - len(self._end)
        return [tokens[:room] for tokens in self._answer_tokens(list(split[self._question.target][:]))]

    def _padded_inputs(self, sequences: Sequence[Sequence[int]], *, left: bool = False) -> dict[str, torch.Tensor]:
        masks = [[1] * len(sequence) for sequence in sequences]
        return {
            "input_ids": padded(sequences, self._pad, left=left),
            "attention_mask": padded(masks, 0, left=left),
        }

    _continues_prompt: bool
    """Whether an answer follows the prompt in one sequence."""

    @abstractmethod
    def _prompt_tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Prompts in tokens, with what the model expects around them."""

    @abstractmethod
    def _answer_tokens(self, words: Sequence[str]) -> list[list[int]]:
        """Each answer's tokens as they follow a prompt, without the end."""

    @abstractmethod
    def _limit(self) -> int:
        """Most tokens of a prompt."""

    @abstractmethod
    def _prefix(self, example: Example) -> list[int]:
        """What stands before the answer in the sequence that is read out; at least one token."""

    @abstractmethod
    def _inputs(self, examples: Sequence[Example], sequences: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
        """The model's inputs for sequences of prefix and answer."""

    @abstractmethod
    def _rows(
        self, model: PreTrainedModel, examples: Sequence[Example], inputs: torch.Tensor, answers: torch.Tensor
    ) -> torch.Tensor:
        """Logits ``(n, vocabulary)`` at ``answers`` of several sequences ``inputs`` an example, each next to the other.

        Args:
            model: Attached.
            examples: As encoded.
            inputs: ``(examples * k, length)``, of prefix and continuation.
            answers: The same shape; ``IGNORED`` where nothing is read.
        """

    @abstractmethod
    def _features(self, batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        """What intermediate matches look at."""


def leading_tokens(framed: Sequence[int], bare: Sequence[int]) -> list[int]:
    """The special tokens that a tokenizer puts before a text: the part of ``framed`` before ``bare``."""
    for start in range(len(framed) - len(bare) + 1):
        if list(framed[start : start + len(bare)]) == list(bare):
            return list(framed[:start])
    return []


def _asker(question: Question) -> Any:
    if question.ask is None:
        raise ConfigError(
            "A generative model needs a prompt.",
            received="none",
            cure="Give one: prompt: {template: …, verbalisers: […]}.",
        )
    return question.ask
