"""Labels are scored by the log-probability of their whole answers, as one reads it off token by token."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch

if TYPE_CHECKING:
    from tests.core.architectures.conftest import Made

ANSWERS = ("very bad indeed", "good", "very good")


def by_hand(made: Made, example: dict[str, Any], answer: list[int]) -> float:
    """The sum over an answer's tokens, each from an unpadded forward pass of its own."""
    total = 0.0
    start: list[int] = []
    if made.model.config.is_encoder_decoder:
        framed = made.tokenizer(text_target="x")["input_ids"]
        bare = made.tokenizer(text_target="x", add_special_tokens=False)["input_ids"]
        start = [made.model.config.decoder_start_token_id, *framed[: framed.index(bare[0])]]
    for place, token in enumerate(answer):
        before = answer[:place]
        if made.model.config.is_encoder_decoder:
            decoder = torch.tensor([[*start, *before]])
            inputs = {"input_ids": torch.tensor([example["prompt"]]), "decoder_input_ids": decoder}
        else:
            inputs = {"input_ids": torch.tensor([[*example["prompt"], *before]])}
        with torch.no_grad():
            total += float(made.model(**inputs).logits[0, -1].log_softmax(-1)[token])
    return total


@pytest.mark.parametrize("normalised", [False, True])
def test_scores_are_log_probabilities_of_whole_answers(made: Made, normalised: bool) -> None:
    reader = made.reader(answers=ANSWERS, labels=("a", "b", "c"), length_normalised=normalised)
    examples = made.examples()
    tokens = [made.reader(answers=(answer, "unlike it"))._answers.tokens[0] for answer in ANSWERS]
    scores = reader.class_scores(made.model, examples)
    assert scores.shape == (len(examples), 3)
    for row, example in zip(scores, examples, strict=True):
        for score, answer in zip(row, tokens, strict=True):
            expected = by_hand(made, example, list(answer)) / (len(answer) if normalised else 1)
            assert float(score) == pytest.approx(expected, abs=1e-3)


def test_answers_of_one_token_take_one_sequence_a_prompt(make: Callable[..., Made]) -> None:
    made = make("gpt_neo")
    reader = made.reader(answers=("bad", "good"))
    seen: list[int] = []
    handle = made.model.register_forward_hook(lambda *hooked: seen.append(len(hooked[2].logits)))
    try:
        reader.class_scores(made.model, made.examples())
    finally:
        handle.remove()
    assert len(seen) == 1
    single = all(len(tokens) == 1 for tokens in reader._answers.tokens)
    assert (seen[0] == len(made.examples())) is single
    assert single, "the tokenizer must have both words for this to mean anything"


def test_scoring_needs_no_gradient_and_leaves_no_hooks(made: Made) -> None:
    scores = made.reader().class_scores(made.model, made.examples())
    assert not scores.requires_grad
    assert not made.model._forward_pre_hooks
    assert not made.model.get_output_embeddings()._forward_pre_hooks


def test_a_model_can_be_scored_while_it_is_trained(made: Made) -> None:
    reader, examples = made.reader(), made.examples()
    alone = reader.class_scores(made.model, examples)
    with reader.attached(made.model):
        assert torch.equal(reader.class_scores(made.model, examples), alone)


def test_generation_goes_on_from_each_prompt(made: Made) -> None:
    """A batch of prompts of different lengths generates what each generates alone."""
    reader, examples = made.reader(), made.examples()
    settings = {"max_new_tokens": 4, "min_new_tokens": 4, "do_sample": False}
    batch = reader.question_batch(examples)
    before = 0 if made.model.config.is_encoder_decoder else batch["input_ids"].shape[1]
    together = made.model.generate(**batch, **settings)[:, before:]
    for row, example in zip(together, examples, strict=True):
        alone = reader.question_batch([example])
        start = 0 if made.model.config.is_encoder_decoder else alone["input_ids"].shape[1]
        assert torch.equal(made.model.generate(**alone, **settings)[0, start:], row)
