"""What generative models write is what they say they would: sampling and scoring are one distribution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import GenerationConfig

from sinkd_plugin.architectures.writing import until_end
from sinkd_plugin.specs import Decoding

if TYPE_CHECKING:
    from tests.core.architectures.conftest import Made

Make = Callable[..., "Made"]


def writing(made: Made, longest: int = 6) -> Any:
    """A reader of a task whose answer is a text."""
    return made.reader(answers=(), target="label_text", max_target_length=longest)


def examples_of(made: Made, longest: int = 6) -> list[dict[str, Any]]:
    texts = made.split.add_column("label_text", ["warm and clever"] * len(made.split))
    return list(writing(made, longest).encode(texts))


def log_probabilities(made: Made, reader: Any, example: dict[str, Any], answers: list[list[int]]) -> torch.Tensor:
    """Of whole answers to one example, through the rows that training compares."""
    batch = reader.collate([{**example, "answer": answer} for answer in answers])
    with reader.attached(made.model), torch.no_grad():
        found = reader.adaptor(batch, made.model(**batch, **reader.forward_arguments))
    chosen = torch.log_softmax(found["logits"], -1).gather(-1, found["labels"].unsqueeze(-1)).squeeze(-1)
    return torch.stack([part.sum() for part in torch.split(chosen, [len(answer) for answer in answers])])


def test_the_likeliest_text_does_not_depend_on_what_is_written_beside_it(made: Made) -> None:
    reader, examples = writing(made), examples_of(made)
    together = reader.write(made.model, examples, Decoding())
    alone = [reader.write(made.model, [example], Decoding())[0] for example in examples]
    assert together == alone


def test_the_likeliest_text_is_the_likeliest_token_each_time(made: Made) -> None:
    reader, examples = writing(made), examples_of(made)
    for example, written in zip(examples, reader.write(made.model, examples, Decoding()), strict=True):
        batch = reader.collate([{**example, "answer": written}])
        with reader.attached(made.model), torch.no_grad():
            rows = reader.adaptor(batch, made.model(**batch, **reader.forward_arguments))["logits"]
        assert rows.argmax(-1).tolist() == written


@pytest.mark.parametrize("kind", ["t5", "gpt_neo"])
@pytest.mark.parametrize("decoding", [Decoding(), Decoding(beams=3), Decoding(sample=True, per_example=50)])
def test_nothing_is_written_that_is_no_token(make: Make, kind: str, decoding: Decoding) -> None:
    size = len(make(kind).tokenizer)
    made = make(kind, vocab_size=size + 200)
    written = writing(made).write(made.model, examples_of(made), decoding)
    assert max(map(max, written)) < size


def test_samples_come_as_often_as_the_model_finds_them_likely(made: Made) -> None:
    """Of the first token: a chi-squared statistic below its 99.99 % quantile, by Wilson and Hilferty."""
    reader, (example, *_) = writing(made, longest=2), examples_of(made, longest=2)
    torch.manual_seed(0)
    count = 3000
    written = reader.write(made.model, [example], Decoding(sample=True, per_example=count))
    assert len(written) == count
    vocabulary = len(made.tokenizer)
    batch = reader.collate([{**example, "answer": [0]}])
    with reader.attached(made.model), torch.no_grad():
        rows = reader.adaptor(batch, made.model(**batch, **reader.forward_arguments))["logits"]
    expected = count * torch.softmax(rows[0, :vocabulary], -1)
    observed = torch.tensor([Counter(tokens[0] for tokens in written)[token] for token in range(vocabulary)])
    common = expected >= 5
    cells = [(float(observed[token]), float(expected[token])) for token in common.nonzero().flatten().tolist()]
    cells.append((float(observed[~common].sum()), float(expected[~common].sum())))
    statistic = sum((seen - wanted) ** 2 / max(wanted, 1) for seen, wanted in cells)
    freedom = len(cells) - 1
    assert freedom > 3, "the model must have something to choose from"
    assert statistic < freedom * (1 - 2 / (9 * freedom) + 3.72 * (2 / (9 * freedom)) ** 0.5) ** 3


def test_beams_find_texts_that_are_at_least_as_likely(made: Made) -> None:
    reader, examples = writing(made, longest=3), examples_of(made, longest=3)
    greedy = reader.write(made.model, examples, Decoding())
    beams = reader.write(made.model, examples, Decoding(beams=8))
    better = [
        float(torch.diff(log_probabilities(made, reader, example, [one, other])))
        for example, one, other in zip(examples, greedy, beams, strict=True)
        if len(one) == len(other)
    ]
    assert all(difference >= -1e-4 for difference in better)


def test_the_models_own_settings_for_generation_are_left_aside(made: Made) -> None:
    reader, examples = writing(made), examples_of(made)
    expected = reader.write(made.model, examples, Decoding())
    own = made.model.generation_config
    special = {name: getattr(own, name) for name in ("pad_token_id", "eos_token_id", "decoder_start_token_id")}
    made.model.generation_config = GenerationConfig(
        **special, do_sample=True, temperature=9.0, min_new_tokens=6, no_repeat_ngram_size=1, repetition_penalty=5.0
    )
    try:
        assert reader.write(made.model, examples, Decoding()) == expected
    finally:
        made.model.generation_config = own


def test_a_written_text_reads_as_it_was_tokenised(made: Made) -> None:
    reader = writing(made, longest=40)
    texts = made.split.add_column("label_text", ["a warm and clever film"] * len(made.split))
    assert {reader.text(example["answer"]) for example in reader.encode(texts)} == {"a warm and clever film"}


@pytest.mark.parametrize(
    ("tokens", "found"),
    [([5, 6, 2, 0, 0], [5, 6, 2]), ([2, 2, 2], [2]), ([5, 6, 7], [5, 6, 7]), ([], [])],
)
def test_a_text_ends_with_its_first_end(tokens: list[int], found: list[int]) -> None:
    assert until_end(tokens, [2]) == found
