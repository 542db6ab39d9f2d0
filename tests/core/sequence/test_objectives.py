"""The objectives against every sequence written down: what is expected of the samples is the divergence itself."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.sequence import step_divergences as divergences
from sinkd_plugin.sequence.methods import METHODS, WRITERS, Writer
from sinkd_plugin.sequence.objective import along
from sinkd_plugin.sequence.steps import Steps
from tests.core.sequence.enumeration import (
    SEQUENCES,
    VOCABULARY,
    Function,
    Toy,
    gradients,
    steps_of,
)

SEEDS = range(5)


def models(seed: int) -> tuple[Toy, Toy, torch.Tensor, torch.Tensor]:
    """Student and teacher, and the log-probabilities of all sequences under each."""
    student, teacher = Toy.random(seed), Toy.random(seed + 1000)
    return student, teacher, student.distribution(), teacher.distribution().detach()


def expected(step_loss: Function, student: Toy, teacher: Toy, writer: Writer) -> torch.Tensor:
    """The expectation over sequences of one writer, each weighted with its probability."""
    weights = (teacher if writer == "teacher" else student).distribution().exp().detach()
    return (weights * step_loss(steps_of(student, teacher, SEQUENCES)).sum(-1)).sum()


def expected_gradient(step_loss: Function, student: Toy, teacher: Toy, *, exact: bool) -> torch.Tensor:
    """The expectation of the estimator's gradient over sequences that the student wrote, one at a time."""
    weights = student.distribution().exp().detach()
    total = torch.zeros(VOCABULARY * len(student.parameters), dtype=torch.float64)
    for weight, sequence in zip(weights, SEQUENCES, strict=True):
        steps = steps_of(student, teacher, [sequence])
        loss = along(step_loss(steps), steps, per="sequence", exact_gradient=exact)
        total += weight * gradients(loss, student)
    return total


def exact_values(log_s: torch.Tensor, log_t: torch.Tensor) -> dict[str, torch.Tensor]:
    """The divergences of the two distributions over sequences, from their definitions."""
    s, t = log_s.exp(), log_t.exp()
    mixture = (s + t) / 2
    return {
        "kl": (t * (log_t - log_s)).sum(),
        "reverse_kl": (s * (log_s - log_t)).sum(),
        "teacher_to_mixture": (t * (log_t - mixture.log())).sum(),
        "student_to_mixture": (s * (log_s - mixture.log())).sum(),
        "tvd": (s - t).abs().sum() / 2,
        "negative_log_likelihood": -(t * log_s).sum(),
        "energy": -(s * log_t).sum(),
    }


WRITTEN_BY: dict[str, Writer] = {
    "kl": "teacher",
    "reverse_kl": "student",
    "teacher_to_mixture": "teacher",
    "student_to_mixture": "student",
    "negative_log_likelihood": "teacher",
    "energy": "student",
}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_sequences_are_all_there_are(seed: int) -> None:
    for log_probabilities in models(seed)[2:]:
        assert log_probabilities.exp().sum().item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", WRITTEN_BY)
def test_the_expectation_of_the_step_losses_is_the_divergence_of_sequences(name: str, seed: int) -> None:
    student, teacher, log_s, log_t = models(seed)
    found = expected(getattr(divergences, name), student, teacher, WRITTEN_BY[name])
    assert found.item() == pytest.approx(exact_values(log_s, log_t)[name].item(), abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", [name for name, writer in WRITTEN_BY.items() if writer == "teacher"])
def test_on_the_teachers_sequences_the_gradient_is_that_of_the_divergence(name: str, seed: int) -> None:
    student, teacher, log_s, log_t = models(seed)
    found = gradients(expected(getattr(divergences, name), student, teacher, "teacher"), student)
    assert torch.allclose(found, gradients(exact_values(log_s, log_t)[name], student), atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", [name for name, writer in WRITTEN_BY.items() if writer == "student"])
def test_on_the_students_sequences_the_exact_gradient_is_that_of_the_divergence(name: str, seed: int) -> None:
    student, teacher, log_s, log_t = models(seed)
    whole = gradients(exact_values(log_s, log_t)[name], student)
    step_loss = getattr(divergences, name)
    assert torch.allclose(expected_gradient(step_loss, student, teacher, exact=True), whole, atol=1e-12)
    taken_as_given = expected_gradient(step_loss, student, teacher, exact=False)
    assert not torch.allclose(taken_as_given, whole, atol=1e-3), "the paper's gradient leaves a part out"


@pytest.mark.parametrize("seed", SEEDS)
def test_the_jensen_shannon_divergence_is_exact_and_the_mixture_of_steps_is_not(seed: int) -> None:
    student, teacher, log_s, log_t = models(seed)
    exact = exact_values(log_s, log_t)
    whole = (exact["teacher_to_mixture"] + exact["student_to_mixture"]) / 2
    halves = [expected(METHODS["js"].step_loss(writer), student, teacher, writer) / 2 for writer in WRITERS["both"]]
    assert torch.stack(halves).sum().item() == pytest.approx(whole.item(), abs=1e-12)

    def to_mixture_of_steps(steps: Steps) -> torch.Tensor:
        mixture = ((steps.student.exp() + steps.teacher.exp()) / 2).log()
        return (steps.teacher.exp() * (steps.teacher - mixture)).sum(-1).masked_fill(~steps.mask, 0)

    approximate = expected(to_mixture_of_steps, student, teacher, "teacher")
    assert abs(approximate - exact["teacher_to_mixture"]) > 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_the_step_wise_total_variation_bounds_that_of_sequences_from_above(seed: int) -> None:
    student, teacher, log_s, log_t = models(seed)
    exact = exact_values(log_s, log_t)["tvd"].item()
    bounds = [expected(divergences.tvd, student, teacher, writer).item() for writer in WRITERS["both"]]
    assert all(exact <= bound for bound in bounds)
    assert exact <= sum(bounds) / 2


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradient_of_the_bound_on_the_students_sequences_is_exact_too(seed: int) -> None:
    student, teacher, _, _ = models(seed)
    weights = student.distribution().exp()  # with its gradient: the bound as a function of the parameters
    bound = (weights * divergences.tvd(steps_of(student, teacher, SEQUENCES)).sum(-1)).sum()
    found = expected_gradient(divergences.tvd, student, teacher, exact=True)
    assert torch.allclose(found, gradients(bound, student), atol=1e-12)


@pytest.mark.parametrize("name", ["kl", "reverse_kl", "tvd", "teacher_to_mixture", "student_to_mixture"])
def test_a_student_that_is_its_teacher_has_nothing_to_learn(name: str) -> None:
    toy = Toy.random(0)
    for writer in WRITERS["both"]:
        loss = expected(getattr(divergences, name), toy, toy, writer)
        assert loss.item() == pytest.approx(0, abs=1e-12)
        assert gradients(loss, toy).abs().max() < 1e-12


def test_seqkd_and_engine_are_kl_and_reverse_kl_but_for_an_entropy() -> None:
    _, _, log_s, log_t = models(3)
    exact = exact_values(log_s, log_t)
    entropy_t, entropy_s = -(log_t.exp() * log_t).sum(), -(log_s.exp() * log_s).sum()
    assert exact["negative_log_likelihood"].item() == pytest.approx((exact["kl"] + entropy_t).item())
    assert exact["energy"].item() == pytest.approx((exact["reverse_kl"] + entropy_s).item())


def test_samples_come_near_the_expectation() -> None:
    student, teacher, log_s, log_t = models(7)
    torch.manual_seed(0)
    drawn = torch.multinomial(log_t.exp(), 4000, replacement=True).tolist()
    steps = steps_of(student, teacher, [SEQUENCES[index] for index in drawn])
    found = along(divergences.kl(steps), steps, per="sequence").item()
    assert found == pytest.approx(exact_values(log_s, log_t)["kl"].item(), rel=0.05)


def test_per_token_divides_by_the_steps_and_per_sequence_by_the_sequences() -> None:
    student, teacher, _, _ = models(1)
    steps = steps_of(student, teacher, [(0,), (1, 2, 0)])
    losses = divergences.kl(steps)
    assert along(losses, steps, per="token").item() == pytest.approx(losses.sum().item() / 4)
    assert along(losses, steps, per="sequence").item() == pytest.approx(losses.sum().item() / 2)
    nothing = Steps.from_logits(
        *(torch.zeros(0, 2, 3) for _ in range(2)), *(torch.zeros(0, 2).long() for _ in range(2))
    )
    assert along(divergences.kl(nothing), nothing, per="token").item() == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 60))
def test_every_method_is_finite_for_sharp_models_too(seed: int, sharpness: float) -> None:
    student, teacher = Toy.random(seed, sharpness), Toy.random(seed + 1, sharpness)
    steps = steps_of(student, teacher, SEQUENCES)
    single = Steps(student=steps.student.float(), teacher=steps.teacher.float(), tokens=steps.tokens, mask=steps.mask)
    for method in METHODS.values():
        for writer in method.steps:
            loss = along(method.step_loss(writer)(single), single, per="token", exact_gradient=writer == "student")
            assert torch.isfinite(loss)
            assert torch.isfinite(gradients(loss, student)).all()


def test_tokens_that_a_model_rules_out_leave_the_symmetric_methods_finite() -> None:
    logits = torch.tensor([[[0.0, 1.0, -float("inf")]], [[-float("inf"), 0.0, 1.0]]], requires_grad=True)
    other = torch.tensor([[[0.0, -float("inf"), 1.0]], [[-float("inf"), 1.0, 0.0]]])
    steps = Steps.from_logits(logits, other, torch.tensor([[0], [1]]), torch.ones(2, 1))
    for name in ("js", "tvd", "engine"):
        for writer in METHODS[name].steps:
            loss = along(METHODS[name].step_loss(writer)(steps), steps, per="token")
            assert torch.isfinite(loss)
            (gradient,) = torch.autograd.grad(loss, logits, retain_graph=True)
            assert torch.isfinite(gradient).all()


def test_half_precision_is_widened_and_the_teacher_gets_no_gradient() -> None:
    logits = torch.randn(2, 3, 5).to(torch.bfloat16).requires_grad_()
    teacher = torch.randn(2, 3, 5).to(torch.bfloat16).requires_grad_()
    steps = Steps.from_logits(logits, teacher, torch.zeros(2, 3).long(), torch.ones(2, 3))
    assert steps.student.dtype == torch.float32
    torch.autograd.backward(along(divergences.reverse_kl(steps), steps, per="token"))
    assert logits.grad is not None
    assert teacher.grad is None


@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 3, 5), (2, 3, 6), (2, 3), (2, 3)),
        ((2, 3, 5), (2, 3, 5), (2, 2), (2, 3)),
        ((2, 3, 5), (2, 3, 5), (2, 3), (2, 1)),
        ((6, 5), (6, 5), (6,), (6,)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(LossInputError, match=r"must be \(n, steps, vocabulary\), tokens and mask"):
        Steps.from_logits(
            *(torch.zeros(shape) for shape in shapes[:2]), *(torch.zeros(shape).long() for shape in shapes[2:])
        )


def test_each_method_says_whose_sequences_it_takes() -> None:
    for name, method in METHODS.items():
        assert method.name == name
        assert all(set(WRITERS[samples]) <= set(method.steps) for samples in method.samples)
        assert method.summary.endswith(".")
