"""Transport on the line is the transport that the cost matrix gives: values, gradients and plans."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkd_plugin.ot import line_sweeps
from sinkd_plugin.ot.line import LineTransport, line_transport
from sinkd_plugin.ot.sinkhorn import sinkhorn_plan

pytestmark = pytest.mark.usefixtures("each_engine")


class Problem(NamedTuple):
    """Points and log-masses of both sides."""

    student_points: torch.Tensor
    teacher_points: torch.Tensor
    log_student: torch.Tensor
    log_teacher: torch.Tensor


class Answer(NamedTuple):
    value: torch.Tensor
    gradients: tuple[torch.Tensor, ...]


def random_problem(
    *leading: int, n: int = 6, m: int = 5, seed: int = 0, distinct: int | None = None, sharpness: float = 2.0
) -> Problem:
    """Points in [0, 1], at most ``distinct`` different ones, and masses that differ by e^sharpness."""
    generator = torch.Generator().manual_seed(seed)

    def draw(points: int) -> tuple[torch.Tensor, torch.Tensor]:
        positions = torch.rand(*leading, points, generator=generator, dtype=torch.float64)
        if distinct is not None:
            positions = (positions * distinct).floor() / distinct
        masses = torch.randn(*leading, points, generator=generator, dtype=torch.float64)
        return positions, (sharpness * masses).log_softmax(-1)

    (x, a), (y, b) = draw(n), draw(m)
    return Problem(x, y, a, b)


def on_line(problem: Problem, regularization: float, iterations: int) -> Answer:
    leaves = [tensor.clone().requires_grad_() for tensor in problem]
    value = line_transport(*leaves, regularization=regularization, iterations=iterations).value
    return Answer(value, torch.autograd.grad(value.sum(), leaves))


def by_matrix(problem: Problem, regularization: float, iterations: int) -> Answer:
    x, y, a, b = leaves = [tensor.clone().requires_grad_() for tensor in problem]
    cost = (x.unsqueeze(-1) - y.unsqueeze(-2)).abs()
    plan = sinkhorn_plan(cost, a, b, regularization=regularization, iterations=iterations)
    value = (plan * cost).sum(dim=(-1, -2))
    return Answer(value, torch.autograd.grad(value.sum(), leaves))


def assert_same(found: Answer, expected: Answer, tolerance: float = 1e-9) -> None:
    torch.testing.assert_close(found.value, expected.value, rtol=tolerance, atol=1e-15)
    # Derivatives by log-masses can cancel to nothing: they are as exact as what they are differences of.
    for kind in (slice(0, 2), slice(2, 4)):
        scale = max(gradient.abs().max().item() for gradient in expected.gradients[kind])
        for ours, theirs in zip(found.gradients[kind], expected.gradients[kind], strict=True):
            torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance * scale + 1e-15)


@pytest.mark.parametrize("iterations", [1, 2, 20, 200])
@pytest.mark.parametrize("regularization", [1e-3, 5e-3, 0.1, 10.0])
@pytest.mark.parametrize("shape", [(40, 30), (7, 40), (1, 5), (5, 1), (1, 1)])
def test_value_and_gradients_are_those_of_the_matrix(
    shape: tuple[int, int], regularization: float, iterations: int
) -> None:
    problem = random_problem(3, n=shape[0], m=shape[1])
    found = on_line(problem, regularization, iterations)
    assert_same(found, by_matrix(problem, regularization, iterations))


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 9),
    m=st.integers(1, 9),
    seed=st.integers(0, 10**6),
    distinct=st.sampled_from([1, 2, 5, None]),
    sharpness=st.sampled_from([0.0, 1.0, 30.0]),
    regularization=st.floats(-3, 3).map(lambda exponent: 10**exponent),
    iterations=st.integers(1, 30),
)
def test_any_shape_ties_masses_and_regularization(
    n: int, m: int, seed: int, distinct: int | None, sharpness: float, regularization: float, iterations: int
) -> None:
    problem = random_problem(n=n, m=m, seed=seed, distinct=distinct, sharpness=sharpness)
    found = on_line(problem, regularization, iterations)
    assert_same(found, by_matrix(problem, regularization, iterations))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), spread=st.floats(1, 141), sharpness=st.sampled_from([0.0, 100.0]))
def test_plain_numbers_hold_up_to_the_spread_that_chooses_them(seed: int, spread: float, sharpness: float) -> None:
    problem = random_problem(n=8, m=7, seed=seed, sharpness=sharpness)
    # Both sides apart, or one far point of next to no mass, are what drives potentials furthest.
    problem.student_points[: 4 if seed % 2 else 1] += 2.0
    positions = torch.cat([problem.student_points, problem.teacher_points])
    regularization = (positions.max() - positions.min()).item() / spread
    result = line_transport(*problem, regularization=regularization, iterations=30)
    assert not result.log_domain
    assert_same(on_line(problem, regularization, 30), by_matrix(problem, regularization, 30))


@pytest.mark.parametrize("regularization", [1e-3, 0.1])
def test_thousands_of_sweeps(regularization: float) -> None:
    problem = random_problem(n=5, m=4)
    assert_same(on_line(problem, regularization, 2000), by_matrix(problem, regularization, 2000))


@pytest.mark.parametrize("scale", [1e-12, 1e3])
def test_points_far_from_probabilities(scale: float) -> None:
    x, y, a, b = random_problem(n=12, m=9)
    problem = Problem(scale * x + 5 * scale, scale * y + 5 * scale, a, b)
    for regularization in (scale / 10, 0.1):
        assert_same(on_line(problem, regularization, 10), by_matrix(problem, regularization, 10))


def test_close_points_beside_a_far_one() -> None:
    x, y, a, b = random_problem(n=12, m=9)
    problem = Problem(1e-10 * x, torch.cat([1e-10 * y[:-1], torch.ones(1).double()]), a, b.clone())
    problem.log_teacher[-1] = -60.0
    found, expected = on_line(problem, 0.1, 20), by_matrix(problem, 0.1, 20)
    torch.testing.assert_close(found.value, expected.value, rtol=1e-9, atol=0)
    assert_same(found, expected)


@pytest.mark.parametrize("regularization", [1e-3, 0.1])
def test_points_without_mass(regularization: float) -> None:
    problem = random_problem(n=7, m=6)
    problem.log_student[[0, 3]] = -math.inf
    problem.log_teacher[[1, 5]] = -math.inf
    found = on_line(problem, regularization, 10)
    assert_same(found, by_matrix(problem, regularization, 10))
    assert found.gradients[0][[0, 3]].abs().max() == 0
    assert found.gradients[2][[0, 3]].abs().max() == 0


@pytest.mark.parametrize("regularization", [2e-3, 0.3])
def test_gradients_agree_with_finite_differences(regularization: float) -> None:
    problem = random_problem(2, n=4, m=3)

    def value(*tensors: torch.Tensor) -> torch.Tensor:
        return line_transport(*Problem(*tensors), regularization=regularization, iterations=4).value

    assert torch.autograd.gradcheck(value, [tensor.requires_grad_() for tensor in problem])


@pytest.mark.parametrize("wanted", [(0,), (1,), (2,), (3,), (0, 2)])
def test_only_what_requires_a_gradient_receives_one(wanted: tuple[int, ...]) -> None:
    problem = random_problem(n=7, m=6)
    expected = on_line(problem, 0.1, 5).gradients
    leaves = [tensor.clone().requires_grad_(number in wanted) for number, tensor in enumerate(problem)]
    value = line_transport(*leaves, regularization=0.1, iterations=5).value
    for number, found in zip(wanted, torch.autograd.grad(value, [leaves[i] for i in wanted]), strict=True):
        torch.testing.assert_close(found, expected[number])


@pytest.mark.parametrize("regularization", [1e-3, 0.1])
def test_sweeps_that_are_not_kept_are_computed_again(regularization: float, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(n=7, m=6)
    for iterations in (1, 4, 23):
        kept = on_line(problem, regularization, iterations)
        with monkeypatch.context() as patch:
            patch.setattr(line_sweeps, "KEPT_NUMBERS", 0)
            again = on_line(problem, regularization, iterations)
        for ours, theirs in zip((again.value, *again.gradients), (kept.value, *kept.gradients), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def solved(problem: Problem, regularization: float) -> tuple[LineTransport, torch.Tensor]:
    cost = (problem.student_points.unsqueeze(-1) - problem.teacher_points.unsqueeze(-2)).abs()
    plan = sinkhorn_plan(cost, problem.log_student, problem.log_teacher, regularization=regularization, iterations=5)
    return line_transport(*problem, regularization=regularization, iterations=5), plan


@pytest.mark.parametrize("regularization", [1e-3, 0.1])
def test_the_plan_and_its_products_are_those_of_the_matrix(regularization: float) -> None:
    problem = random_problem(2, n=7, m=6)
    problem.log_student[0, 2] = problem.log_teacher[1, 3] = -math.inf
    result, plan = solved(problem, regularization)
    torch.testing.assert_close(result.plan(), plan, rtol=1e-9, atol=1e-12)
    for vector in (problem.teacher_points, torch.linspace(-1, 1, 6).double()):
        expected = (plan * vector.unsqueeze(-2)).sum(-1)
        torch.testing.assert_close(result.plan_times(vector), expected, rtol=1e-9, atol=1e-12)
    wrong = (plan.sum(-1) - problem.log_student.exp()).abs().sum(-1) / (2 * plan.sum((-1, -2)))
    torch.testing.assert_close(result.marginal_residual, wrong, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("regularization", [1e-3, 0.1])
@pytest.mark.parametrize("iterations", [1, 20])
def test_the_entropic_value_is_that_of_the_matrix(regularization: float, iterations: int) -> None:
    problem = random_problem(2, n=9, m=7, distinct=5)
    problem.log_student[0, 3] = problem.log_teacher[1, 2] = -math.inf
    x, y, a, b = leaves = [tensor.clone().requires_grad_() for tensor in problem]
    cost = (x.unsqueeze(-1) - y.unsqueeze(-2)).abs()
    plan = sinkhorn_plan(cost, a, b, regularization=regularization, iterations=iterations)
    entropy = torch.special.xlogy(plan, plan.clamp_min(1e-300))
    expected = (plan * cost + regularization * entropy).sum(dim=(-1, -2))
    wanted = torch.autograd.grad(expected.sum(), leaves)
    again = [tensor.clone().requires_grad_() for tensor in problem]
    found = line_transport(*again, regularization=regularization, iterations=iterations, value="entropic").value
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-14)
    gradients = torch.autograd.grad(found.sum(), again)
    torch.testing.assert_close(gradients[:2], wanted[:2], rtol=1e-8, atol=1e-11)
    for found_by, wanted_by, masses in zip(gradients[2:], wanted[2:], (a, b), strict=True):
        # Masses of one sum do not see a share of the plan's mass that is added for each.
        shares = masses.detach().exp()
        torch.testing.assert_close(without(found_by, shares), without(wanted_by, shares), rtol=1e-8, atol=1e-11)


def without(gradient: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    return gradient - shares * gradient.sum(dim=-1, keepdim=True) / shares.sum(dim=-1, keepdim=True)


@pytest.mark.parametrize("regularization", [1e-3, 0.1])
@pytest.mark.parametrize("value", ["transport", "entropic"])
def test_detached_is_the_gradient_of_a_given_plan(regularization: float, value: Any) -> None:
    problem = random_problem(2, n=9, m=7, distinct=5)
    x, y, a, b = leaves = [tensor.clone().requires_grad_() for tensor in problem]
    with torch.no_grad():
        cost = (x.unsqueeze(-1) - y.unsqueeze(-2)).abs()
        plan = sinkhorn_plan(cost, a, b, regularization=regularization, iterations=6)
    expected = torch.autograd.grad((plan * (x.unsqueeze(-1) - y.unsqueeze(-2)).abs()).sum(), leaves[:2])
    options: dict[str, Any] = {"regularization": regularization, "iterations": 6, "value": value}
    found = line_transport(*leaves, **options, plan_gradient="detached")
    torch.testing.assert_close(found.value, line_transport(*problem, **options).value, rtol=1e-12, atol=1e-15)
    gradients = torch.autograd.grad(found.value.sum(), leaves)
    torch.testing.assert_close(gradients[:2], expected, rtol=1e-9, atol=1e-12)
    assert not any(gradient.any() for gradient in gradients[2:])


@pytest.mark.parametrize("regularization", [2e-3, 0.1])
def test_a_tolerance_stops_the_sweeps_where_it_is_met(regularization: float, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, a, b = random_problem(2, n=8, m=7, sharpness=0.5)
    x[0], y[0] = 0.2, 0.7  # a problem that one sweep solves
    leaf = x.clone().requires_grad_()
    result = line_transport(leaf, y, a, b, regularization=regularization, iterations=5000, tolerance=1e-4)
    assert result.converged is not None
    assert result.converged.tolist() == [True, True]
    assert 1 < result.iterations < 5000
    assert (result.marginal_residual <= 1e-4).all()
    swept = [
        line_transport(x, y, a, b, regularization=regularization, iterations=result.iterations - short)
        for short in (0, 1)
    ]
    torch.testing.assert_close(result.value, swept[0].value, rtol=1e-12, atol=1e-15)
    assert swept[1].marginal_residual[1] > 1e-4
    (gradient,) = torch.autograd.grad(result.value.sum(), leaf)
    monkeypatch.setattr(line_sweeps, "KEPT_NUMBERS", 0)
    again = line_transport(leaf, y, a, b, regularization=regularization, iterations=5000, tolerance=1e-4)
    assert again.iterations == result.iterations
    torch.testing.assert_close(torch.autograd.grad(again.value.sum(), leaf)[0], gradient, rtol=0, atol=0)
    capped = line_transport(x, y, a, b, regularization=regularization, iterations=1, tolerance=1e-4)
    assert capped.converged is not None
    assert capped.converged.tolist() == [True, False]
