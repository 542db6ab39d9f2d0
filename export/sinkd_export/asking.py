"""How a generative student is asked to classify: its prompt, its answers in tokens, the core's own scores of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sinkd_export.model_folder import training_record
from sinkd_export.own_sentences import OWN_SENTENCES
from sinkd_export.sentences import Sentences
from sinkd_export.source import Source
from sinkd_export.trial import Text
from sinkd_plugin.catalog import catalog
from sinkd_plugin.errors import ConfigError, DataError, UserError
from sinkd_plugin.options import validate
from sinkd_plugin.specs import Prompt, Question, Reader, TaskSpec

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PLACEHOLDER = "x"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a generative student is asked, and what it may answer.

    Args:
        prompt: The question.
        text: Names of the texts in it, in the order in which they are given.
        labels: Names of the labels.
        reader: The core's way of asking and scoring.
        start: Tokens that the decoder of an encoder-decoder starts from.
        answers: Tokens of the answer for each label, without the end.
        length_normalised: Whether an answer's log-probability is divided by its number of tokens.
        room: Tokens behind a question that the model must have places for; the last of an answer is never read.
    """

    prompt: Prompt
    text: tuple[str, ...]
    labels: tuple[str, ...]
    reader: Reader
    start: tuple[int, ...]
    answers: tuple[tuple[int, ...], ...]
    length_normalised: bool
    room: int

    def fill(self, text: Text) -> str:
        """The question about one text or pair."""
        from sinkd_plugin.tasks.prompts import asked

        texts = (text,) if isinstance(text, str) else text
        return asked(self.prompt, dict(zip(self.text, texts, strict=True)))


class AskedModel:
    """A generative model in PyTorch as a classifier: ids of questions to the core's scores ``(batch, labels)``."""

    def __init__(self, model: PreTrainedModel, reader: Reader) -> None:
        self._model, self._reader = model, reader

    def __call__(self, inputs: Mapping[str, NDArray[np.int64]], /) -> NDArray[np.float32]:
        """Score the labels; what is padding is left out."""
        masks = inputs["attention_mask"].astype(bool)
        examples = [{"prompt": ids[mask].tolist()} for ids, mask in zip(inputs["input_ids"], masks, strict=True)]
        scores: NDArray[np.float32] = self._reader.class_scores(self._model, examples).numpy()
        return scores


def asked_source(source: Source, sentences: Sentences) -> tuple[Source, Sentences]:
    """A source that knows its prompt, and the sentences written into it; a source that needs none is left as it is.

    A model that generates keeps its sentences, and is asked only to be scored, where its task can be put to it.

    Args:
        source: The model, from ``find_source``.
        sentences: Real sentences, and the task if it is known.

    Raises:
        UserError: If a generative student is to classify and nothing tells the task.
        ConfigError: If it is to classify and the task has no prompt, or its answers cannot be told apart.
        DataError: If the prompt asks about pairs and the sentences are none, or the other way round.
    """
    if source.family in ("encoder", None):
        return source, sentences
    record = training_record(source.folder)
    if source.form == "generation":
        return replace(source, ranking=_ranking(source, sentences, record)), sentences
    asked = _asked(source, _spec(source, sentences, record), record)
    source.tokenizer.model_max_length = source.max_length - asked.room
    source.config.id2label = dict(enumerate(asked.labels))
    source.config.label2id = {label: number for number, label in enumerate(asked.labels)}
    return replace(source, labels=asked.labels, asked=asked), _filled(sentences, asked)


def _ranking(source: Source, sentences: Sentences, record: Mapping[str, Any]) -> Asked | None:
    if sentences.trial is None:
        return None
    try:
        return _asked(source, sentences.trial.spec, record)
    except ConfigError:  # no prompt, or answers that cannot be told apart: it is judged by what it writes
        return None


def _spec(source: Source, sentences: Sentences, record: Mapping[str, Any]) -> TaskSpec:
    if sentences.trial is not None:
        return sentences.trial.spec
    if isinstance(record.get("task"), str):
        spec: TaskSpec = catalog().tasks.get(record["task"])
        return spec
    raise UserError(
        "A generative student that is to classify needs a task: its labels, prompt and answers.",
        received=f"'{source.reference}' without a record of its training",
        cure="Pass --task NAME beside --task classification; `sinkd list tasks` shows the names.",
    )


def _question(source: Source, spec: TaskSpec, record: Mapping[str, Any]) -> Question:
    from sinkd_plugin.tasks.options import PromptOptions
    from sinkd_plugin.tasks.prompts import asked, resolve_prompt

    same_task = record.get("task") in (spec.name, None) or not isinstance(record.get("task"), str)
    written = record.get("prompt") if same_task else None
    prompt = resolve_prompt(spec, None if written is None else validate(PromptOptions, written, "prompt"))
    return Question(
        text=spec.text,
        labels=spec.labels,
        max_length=source.max_length,
        ask=partial(asked, prompt),
        answers=prompt.verbalisers,
        length_normalised=bool((record.get("readout") or {}).get("length_normalised", False)),
    )


def _family_reader(source: Source, question: Question) -> Reader:
    for entry in catalog().architectures:
        if entry.spec.supports(source.config):
            reader: Reader = entry.spec.build().reader(source.config, source.tokenizer, question)
            return reader
    raise UserError("A generative student must be of a known family.", received=source.config.model_type)


def _asked(source: Source, spec: TaskSpec, record: Mapping[str, Any]) -> Asked:
    """Answers and start are read off the core's own training examples, so that there is one opinion of them."""
    from datasets import Dataset

    question = _question(source, spec, record)
    reader = _family_reader(source, question)
    count = len(spec.labels)
    columns: dict[str, list[Any]] = {name: [PLACEHOLDER] * count for name in spec.text}
    examples = list(reader.encode(Dataset.from_dict({**columns, "label": list(range(count))})))
    end = source.tokenizer.eos_token_id
    answers = tuple(tuple(ids[:-1] if ids[-1] == end else ids) for ids in (each["answer"] for each in examples))
    batch = reader.collate(examples[:1])
    written = batch["decoder_input_ids"][0].tolist() if "decoder_input_ids" in batch else []
    start = tuple(written[: len(written) - (len(examples[0]["answer"]) - 1)])
    return Asked(
        prompt=_template(question.ask),
        text=tuple(spec.text),
        labels=tuple(spec.labels),
        reader=reader,
        start=start,
        answers=answers,
        length_normalised=question.length_normalised,
        room=max(map(len, answers)) - 1 if source.family == "decoder" else 0,
    )


def _template(ask: Any) -> Prompt:
    prompt: Prompt = ask.args[0]
    return prompt


def _filled(sentences: Sentences, asked: Asked) -> Sentences:
    """Questions about the sentences; the task's own examples stay as they are, for the runtime asks about those."""
    texts = sentences.texts
    pairs = len(asked.text) == 2
    if pairs and texts is OWN_SENTENCES:
        texts = tuple((text, text) for text in OWN_SENTENCES)
    if any(isinstance(text, str) == pairs for text in texts):
        raise DataError(
            f"This student is asked about {' and '.join(asked.text)}.",
            received=f"{'single texts' if pairs else 'pairs of texts'} ({sentences.source})",
            cure="Give --texts a tab between the two texts of a line." if pairs else "Leave out tabs in --texts.",
        )
    return replace(sentences, texts=tuple(asked.fill(text) for text in texts))
