"""The loss of a batch of sequences against each sequence on its own, in no batch and without padding."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from sinkd_plugin.catalog import catalog
from sinkd_plugin.sequence.methods import METHODS, WRITERS
from sinkd_plugin.sequence.objective import along
from sinkd_plugin.sequence.steps import Steps
from sinkd_plugin.specs import DistillationPlan, Question
from sinkd_plugin.textbrewer.configuration import DistillationConfig
from sinkd_plugin.textbrewer.host import textbrewer
from sinkd_plugin.training.sequence_distiller import SequenceDistiller
from sinkd_plugin.training.sequence_options import SequenceOptions
from tests.core.sequence.conftest import TEACHERS, WORDS

datasets = pytest.importorskip("datasets")

SOURCES = ("one two", "three", "four five six one", "two")
WRITTEN = {"teacher": ([5, 6, 1], [7, 1], [6, 6, 6, 8, 1], [9]), "student": ([1], [8, 5, 5, 1], [6, 1], [7, 7, 1])}
FAMILY = {"t5": "encoder-decoder", "gpt_neo": "decoder"}


@pytest.fixture(scope="module", params=list(TEACHERS))
def parts(request: pytest.FixtureRequest) -> SimpleNamespace:
    """Two models of one family with random weights, their reader, and examples."""
    settings = TEACHERS[request.param]
    family = catalog().architectures.get(FAMILY[request.param]).build()
    tokenizer = family.train_tokenizer([f"{one} {two}" for one in WORDS for two in WORDS], 300)
    models = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        models.append(family.fresh(settings, tokenizer, ()).eval())
    question = Question(text=("text",), labels=(), max_length=20, ask=lambda texts: texts["text"], target="target")
    reader = family.reader(models[0].config, tokenizer, question)
    split = datasets.Dataset.from_dict({"text": list(SOURCES), "target": list(SOURCES)})
    return SimpleNamespace(student=models[0], teacher=models[1], reader=reader, examples=list(reader.encode(split)))


def rows(parts: SimpleNamespace, model: Any, example: dict[str, Any], answer: list[int]) -> torch.Tensor:
    """Logits ``(1, steps, vocabulary)`` of one sequence alone."""
    batch = parts.reader.collate([{**example, "answer": answer}])
    with parts.reader.attached(model):
        found: torch.Tensor = parts.reader.adaptor(batch, model(**batch, **parts.reader.forward_arguments))["logits"]
    return found.unsqueeze(0)


def expected(parts: SimpleNamespace, options: SequenceOptions) -> torch.Tensor:
    method, writers = METHODS[options.method], WRITERS[options.taken_from]
    total = torch.zeros(())
    for writer in writers:
        losses, tokens = torch.zeros(()), 0
        for example, answer in zip(parts.examples, WRITTEN[writer], strict=True):
            ours, theirs = (rows(parts, model, example, answer) for model in (parts.student, parts.teacher))
            steps = Steps.from_logits(ours, theirs, torch.tensor([answer]), torch.ones(1, len(answer)))
            losses = losses + method.step_loss(writer)(steps).sum()
            tokens += len(answer)
        total = total + losses / (tokens if options.per == "token" else len(parts.examples)) / len(writers)
    return total


def distiller(parts: SimpleNamespace, options: SequenceOptions, tmp_path: Any, order: list[int]) -> SequenceDistiller:
    plan = DistillationPlan(
        train_config=textbrewer().TrainingConfig(output_dir=str(tmp_path), log_dir=str(tmp_path), device="cpu"),
        distill_config=DistillationConfig(kd_loss_type="kl"),
        teacher=parts.teacher,
        student=parts.student,
        adaptor=parts.reader.adaptor,
        precision="fp32",
    )

    def by(writer: str) -> Callable[..., list[list[int]]]:
        return lambda _: [WRITTEN[writer][place] for place in order]

    return SequenceDistiller(plan, parts.reader, options, {"teacher": by("teacher"), "student": by("student")})


@pytest.mark.parametrize("per", ["token", "sequence"])
@pytest.mark.parametrize("method", METHODS)
def test_a_batch_gives_the_mean_over_its_sequences_whatever_their_order(
    parts: SimpleNamespace, method: Any, per: Any, tmp_path: Any
) -> None:
    options = SequenceOptions(method=method, per=per)
    wanted = expected(parts, options).item()
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        own = distiller(parts, options, tmp_path, order)
        batch = {"examples": [parts.examples[place] for place in order]}
        with parts.reader.attached(parts.teacher), parts.reader.attached(parts.student):
            total, terms = own.train_on_batch(batch, parts.reader.forward_arguments)
        assert total.item() == pytest.approx(wanted, rel=1e-4)
        assert len(terms) == len(WRITERS[options.taken_from])


def test_the_student_gets_the_gradient_and_the_teacher_none(parts: SimpleNamespace, tmp_path: Any) -> None:
    options = SequenceOptions(method="js")
    own = distiller(parts, options, tmp_path, [0, 1, 2, 3])
    with parts.reader.attached(parts.teacher), parts.reader.attached(parts.student):
        total, _ = own.train_on_batch({"examples": parts.examples}, parts.reader.forward_arguments)
    weights = [weight for weight in parts.student.parameters() if weight.requires_grad]
    found, wanted = (
        torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
        for loss in (total, expected(parts, options))
    )
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(found, wanted, strict=True))
    assert all(weight.grad is None for weight in parts.teacher.parameters())


def test_an_exact_gradient_has_the_same_value_and_another_direction(parts: SimpleNamespace, tmp_path: Any) -> None:
    found = []
    for exact in (False, True):
        own = distiller(parts, SequenceOptions(method="reverse_kl", exact_gradient=exact), tmp_path, [0, 1, 2, 3])
        with parts.reader.attached(parts.teacher), parts.reader.attached(parts.student):
            total, _ = own.train_on_batch({"examples": parts.examples}, parts.reader.forward_arguments)
        (gradient,) = torch.autograd.grad(total, [parts.student.get_output_embeddings().weight])
        found.append((total.item(), gradient))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    assert not torch.allclose(found[0][1], found[1][1], atol=1e-4)


def test_sequences_may_be_of_one_token(parts: SimpleNamespace) -> None:
    steps = rows(parts, parts.student, parts.examples[1], [1])
    assert steps.shape[:2] == (1, 1)
    single = Steps.from_logits(steps, steps, torch.tensor([[1]]), torch.ones(1, 1))
    assert along(METHODS["kl"].step_loss("teacher")(single), single, per="token").item() == pytest.approx(0, abs=1e-6)
