"""The rows on which generative models are compared are those of the answer's tokens, and no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from sinkd_plugin.errors import ConfigError

if TYPE_CHECKING:
    from tests.core.architectures.conftest import Made

Make = Callable[..., "Made"]


def adapted(made: Made, reader: Any, batch: dict[str, Any], **more: Any) -> dict[str, Any]:
    with reader.attached(made.model), torch.no_grad():
        found: dict[str, Any] = reader.adaptor(batch, made.model(**batch, **reader.forward_arguments, **more))
    return found


def rows_one_by_one(made: Made, example: dict[str, Any]) -> torch.Tensor:
    """The logits before each token of one example's answer, each from a forward pass of its own, unpadded."""
    rows = []
    for place in range(len(example["answer"])):
        before = example["answer"][:place]
        if made.model.config.is_encoder_decoder:
            framed = made.tokenizer(text_target="x")["input_ids"]
            start = framed[: framed.index(made.tokenizer(text_target="x", add_special_tokens=False)["input_ids"][0])]
            decoder = [made.model.config.decoder_start_token_id, *start, *before]
            inputs = {"input_ids": torch.tensor([example["prompt"]]), "decoder_input_ids": torch.tensor([decoder])}
        else:
            inputs = {"input_ids": torch.tensor([[*example["prompt"], *before]])}
        with torch.no_grad():
            rows.append(made.model(**inputs).logits[0, -1])
    return torch.stack(rows)


def test_rows_are_those_that_predict_the_answer(made: Made) -> None:
    reader, examples = made.reader(), made.examples()
    found = adapted(made, reader, reader.collate(examples))
    expected = torch.cat([rows_one_by_one(made, example) for example in examples])
    assert found["logits"].shape == expected.shape
    assert torch.allclose(found["logits"], expected, atol=1e-4)
    targets = torch.tensor([token for example in examples for token in example["answer"]])
    assert torch.equal(found["labels"], targets)
    assert float(found["losses"]) == pytest.approx(float(cross_entropy(expected, targets)), abs=1e-4)
    assert expected.std() > 0.1, "rows must differ for this to mean anything"


def test_an_answer_is_its_verbaliser_and_the_end(made: Made) -> None:
    for example in made.examples():
        text = made.tokenizer.decode(example["answer"], skip_special_tokens=True).strip()
        assert text == made.question.answers[example["label"]]
        assert example["answer"][-1] == made.tokenizer.eos_token_id
        prompt = made.tokenizer.decode(example["prompt"], skip_special_tokens=True)
        assert prompt.endswith("Verdict:")


def test_row_counts_are_those_of_the_rows(made: Made) -> None:
    for rows in ("answer", "last", "verbaliser"):
        reader = made.reader(rows=rows)
        encoded = reader.encode(made.split)
        counts = list(reader.row_counts(encoded))
        found = adapted(made, reader, reader.collate(list(encoded)))
        assert found["logits"].shape == (sum(counts), len(reader.columns))
        assert found["row_examples"].bincount().tolist() == counts
    assert set(counts) == {1}


@pytest.mark.parametrize("kind", ["t5", "gpt_neo"])
def test_rows_are_of_tokens_and_not_of_what_fills_a_vocabulary_up(make: Make, kind: str) -> None:
    """The cross-entropy is over every entry, or a model would come to write what is no token."""
    size = len(make(kind).tokenizer)
    made = make(kind, vocab_size=size + 24)
    reader = made.reader()
    batch = reader.collate(made.examples())
    found = adapted(made, reader, batch)
    expected = torch.cat([rows_one_by_one(made, example) for example in made.examples()])
    assert expected.shape[1] == size + 24
    assert len(reader.columns) == size
    assert torch.allclose(found["logits"], expected[:, :size], atol=1e-4)
    assert float(found["losses"]) == pytest.approx(float(cross_entropy(expected, found["labels"])), abs=1e-4)


def test_the_last_row_predicts_the_last_token_before_the_end(made: Made) -> None:
    reader, examples = made.reader(rows="last"), made.examples(rows="last")
    found = adapted(made, reader, reader.collate(examples))
    expected = torch.stack([rows_one_by_one(made, example)[-2] for example in examples])
    assert torch.allclose(found["logits"], expected, atol=1e-4)
    assert found["labels"].tolist() == [example["answer"][-2] for example in examples]


def test_verbaliser_rows_are_the_candidates_where_answers_first_differ(made: Made) -> None:
    answers = ("very bad", "very good")
    reader, examples = made.reader(rows="verbaliser", answers=answers), made.examples(answers=answers)
    found = adapted(made, reader, reader.collate(examples))
    tokens = [example["answer"] for example in (examples[1], examples[0])]  # of the labels 0 and 1
    place = next(place for place, (one, two) in enumerate(zip(*tokens, strict=False)) if one != two)
    assert place > 0, "both begin alike"
    candidates = [ids[place] for ids in tokens]
    expected = torch.stack([rows_one_by_one(made, example)[place, candidates] for example in examples])
    assert torch.allclose(found["logits"], expected, atol=1e-4)
    assert found["labels"].tolist() == [example["label"] for example in examples]
    assert reader.columns == ("bad", "good")


@pytest.mark.parametrize("rows", ["answer", "last", "verbaliser"])
def test_padding_changes_nothing(made: Made, rows: Any) -> None:
    reader, examples = made.reader(rows=rows), made.examples(rows=rows)
    alone = [adapted(made, reader, reader.collate([example])) for example in examples]
    together = adapted(made, reader, reader.collate(examples))
    for name in ("logits", "labels"):
        assert torch.allclose(together[name], torch.cat([one[name] for one in alone]), atol=1e-4)


def test_the_side_that_a_tokenizer_pads_on_changes_nothing(made: Made) -> None:
    examples = made.examples()
    right = made.reader().collate(examples)
    made.tokenizer.padding_side = "left"
    try:
        left = made.reader().collate(examples)
    finally:
        made.tokenizer.padding_side = "right"
    assert all(torch.equal(right[name], left[name]) for name in right)


def test_without_the_attachment_the_adaptor_finds_the_same_rows(made: Made) -> None:
    """As in a TextBrewer script of the user's own, whose model gives the logits of every position."""
    reader, examples = made.reader(), made.examples()
    batch = reader.collate(examples)
    seen = {name: value for name, value in batch.items() if name not in ("index", "answers", "rows")}
    with torch.no_grad():
        plain = reader.adaptor(batch, made.model(**seen))
    assert torch.allclose(plain["logits"], adapted(made, reader, batch)["logits"], atol=1e-5)


def test_a_model_is_itself_again_after_the_attachment(made: Made) -> None:
    inputs = {"input_ids": torch.tensor([[5, 6, 7]])}
    if made.model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = inputs["input_ids"]
    with torch.no_grad():
        before = made.model(**inputs).logits
        with made.reader().attached(made.model):
            assert torch.equal(made.model(**inputs).logits, before), "without answers it gives all positions"
        assert torch.equal(made.model(**inputs).logits, before)


def test_hidden_states_come_with_their_mask(made: Made) -> None:
    reader = made.reader()
    found = adapted(made, reader, reader.collate(made.examples()), output_hidden_states=True)
    assert len(found["hidden"]) == 5
    assert all(states.shape[:2] == found["inputs_mask"].shape for states in found["hidden"])


def test_rows_that_a_teacher_has_given_before_pass_through(made: Made) -> None:
    rows = torch.randn(3, 7)
    assert made.reader().adaptor({}, {"logits": rows}) == {"logits": rows}


def test_verbalisers_that_collide_where_they_first_differ_are_refused(made: Made) -> None:
    with pytest.raises(ConfigError, match=r"must differ from all others in the first token.*share a token at position"):
        made.reader(rows="verbaliser", answers=("very bad", "very good", "good"), labels=("a", "b", "c"))


def test_a_verbaliser_that_begins_another_is_refused(made: Made) -> None:
    with pytest.raises(
        ConfigError, match=r"No verbaliser may begin with the tokens of another.*'very' and 'very good'"
    ):
        made.reader(answers=("very good", "very"))


def test_what_is_too_long_loses_text_and_keeps_the_question(made: Made) -> None:
    from datasets import Dataset

    split = Dataset.from_dict({"text": ["good " * 200, "bad"], "label": [1, 0]})
    reader = made.reader(max_length=20)
    long, short = reader.encode(split)
    assert len(long["prompt"]) <= 20
    assert len(long["prompt"]) > 10
    decoded = made.tokenizer.decode(long["prompt"], skip_special_tokens=True)
    assert decoded.startswith("Review: good")
    assert decoded.endswith("Verdict:")
    assert "bad" in made.tokenizer.decode(short["prompt"])


def test_a_limit_below_the_prompt_itself_is_refused(made: Made) -> None:
    with pytest.raises(ConfigError, match=r"'data\.max_length' must leave room for the prompt"):
        made.reader(max_length=2).encode(made.split)


def test_a_generative_model_without_a_prompt_is_refused(made: Made) -> None:
    with pytest.raises(ConfigError, match="needs a prompt"):
        made.reader(ask=None).encode(made.split)
