"""The limit of the sweeps by Newton's method: the same plan, its exact gradient, and where sweeps never arrive."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.options import validate
from sinkd_plugin.ot.options import SinkdOptions, TransportOptions
from sinkd_plugin.ot.result import TransportResult
from sinkd_plugin.ot.transport import sinkhorn_distance
from tests.core.ot import reference

COSTS = ["batch", "flattened", "sample"]
NEWTON: dict[str, Any] = {"tolerance": 1e-10, "acceleration": "newton", "iterations": 200}


def logits(*shape: int, seed: int = 0, scale: float = 2.0) -> torch.Tensor:
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def distance(
    student: torch.Tensor, teacher: torch.Tensor, weights: torch.Tensor | None = None, **options: Any
) -> TransportResult:
    return sinkhorn_distance(student, teacher, validate(TransportOptions, options), student_weights=weights)


def gradient(
    student: torch.Tensor, teacher: torch.Tensor, weights: torch.Tensor | None = None, **options: Any
) -> torch.Tensor:
    leaf = student.detach().clone().requires_grad_()
    (found,) = torch.autograd.grad(distance(leaf, teacher, weights, **options).value.sum(), leaf)
    return found


def has_converged(result: TransportResult) -> bool:
    assert result.converged is not None
    return bool(result.converged.all())


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("value", ["transport", "entropic"])
@pytest.mark.parametrize("debiased", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_where_many_sweeps_end(cost: str, value: str, debiased: bool, weighted: bool) -> None:
    student, teacher = logits(5, 3), logits(5, 3, seed=1)
    weights = torch.tensor([1.0, 0.0, 2.0, 1.0, 0.5]).double() if weighted else None
    options = {"cost": cost, "value": value, "debiased": debiased, "regularization": 0.2}
    result = distance(student, teacher, weights, **options, **NEWTON)
    assert has_converged(result)
    assert result.solver == "newton"
    assert result.marginal_residual.item() <= 1e-10
    swept = {**options, "iterations": 4000}
    torch.testing.assert_close(result.value, distance(student, teacher, weights, **swept).value, rtol=1e-9, atol=1e-12)
    found, expected = (gradient(student, teacher, weights, **each) for each in ({**options, **NEWTON}, swept))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("cost", "penalty"), [*((cost, 0.0) for cost in COSTS), ("batch", 0.3)])
def test_its_gradient_agrees_with_finite_differences(cost: str, penalty: float) -> None:
    teacher = logits(3, 3, seed=1)
    options = {**NEWTON, "tolerance": 1e-13, "cost": cost, "pairing_penalty": penalty}

    def value(student: torch.Tensor) -> torch.Tensor:
        return distance(student, teacher, **options).value

    assert torch.autograd.gradcheck(value, (logits(3, 3).requires_grad_(),))


def test_the_gradient_by_the_cost_of_the_entropic_value_is_the_plan() -> None:
    """So that the gradient of the loss is that of a detached plan, of the transport value with that plan."""
    student, teacher = logits(6, 3), logits(6, 3, seed=1)
    exact = gradient(student, teacher, value="entropic", **NEWTON)
    by_plan = gradient(student, teacher, plan_gradient="detached", **NEWTON)
    torch.testing.assert_close(exact, by_plan, rtol=1e-7, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 20),
    classes=st.integers(2, 4),
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([0.0, 3.0, 8.0, 40.0]),
    regularization=st.floats(-3, 3).map(lambda exponent: 10**exponent),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    cost=st.sampled_from(COSTS),
)
def test_peaky_predictions_and_small_regularization_converge(
    rows: int, classes: int, seed: int, scale: float, regularization: float, dtype: torch.dtype, cost: str
) -> None:
    student, teacher = logits(rows, classes, seed=seed, scale=scale), logits(rows, classes, seed=seed + 1, scale=scale)
    options = {**NEWTON, "tolerance": 1e-9, "regularization": regularization, "cost": cost}
    result = distance(student.to(dtype), teacher.to(dtype), **options)
    assert has_converged(result)
    assert result.marginal_residual.item() <= 1e-9
    assert gradient(student.to(dtype), teacher.to(dtype), **options).isfinite().all()


def test_where_sweeps_do_not_arrive() -> None:
    student, teacher = logits(16, 3, scale=5.0), logits(16, 3, seed=1, scale=8.0)
    hard: dict[str, Any] = {"regularization": 0.01, "tolerance": 1e-9}
    swept, limit = distance(student, teacher, iterations=5000, **hard), distance(student, teacher, **{**NEWTON, **hard})
    assert not has_converged(swept)
    assert has_converged(limit)
    assert limit.iterations < 60


def test_without_entropy_it_is_the_exact_transport() -> None:
    random = np.random.default_rng(2)
    student, teacher = random.normal(scale=4.0, size=(2, 12, 3))
    s, t = (reference.probabilities(side, 2.0) for side in (student, teacher))
    even = np.full(12, 1 / 12)
    expected, _ = reference.exact(reference.row_costs(s, t, 1), even, even)
    result = distance(torch.from_numpy(student), torch.from_numpy(teacher), regularization=1e-3, **NEWTON)
    assert has_converged(result)
    # The entropy of a plan of 12 by 12 is at most 2 log 12.
    assert expected - 1e-9 <= result.value.item() <= expected + 1e-3 * 2 * math.log(12)


@pytest.mark.parametrize("cost", COSTS)
def test_groups_are_each_on_its_own(cost: str) -> None:
    student, teacher = logits(3, 4, 3, scale=4.0), logits(3, 4, 3, seed=1, scale=4.0)
    options = {**NEWTON, "cost": cost, "regularization": 0.05}
    together = distance(student, teacher, **options)
    apart = [distance(one, two, **options) for one, two in zip(student, teacher, strict=True)]
    torch.testing.assert_close(together.value, torch.stack([each.value for each in apart]), rtol=1e-8, atol=1e-11)
    alone = torch.stack([gradient(one, two, **options) for one, two in zip(student, teacher, strict=True)])
    torch.testing.assert_close(gradient(student, teacher, **options), alone, rtol=1e-6, atol=1e-8)


def test_too_few_steps_are_said_for_each_group() -> None:
    easy, hard = logits(1, 3).expand(6, 3), logits(6, 3, scale=6.0)
    student, teacher = torch.stack([easy, hard]), torch.stack([easy, hard.flip(0)])
    result = distance(student, teacher, **{**NEWTON, "iterations": 1, "regularization": 0.01})
    assert result.iterations <= 1
    assert result.converged is not None
    assert result.converged.tolist() == [True, False]
    assert result.value.isfinite().all()


@pytest.mark.parametrize("cost", ["flattened", "sample"])
def test_a_matrix_that_would_fill_the_memory_is_refused(cost: str) -> None:
    student = logits(1, 20_000)
    with pytest.raises(LossInputError, match=r"Beyond 16384 points.*20000 points.*Leave .acceleration."):
        distance(student, student, cost=cost, **NEWTON)


def test_the_preset() -> None:
    options = validate(SinkdOptions, {"preset": "converged"})
    assert (options.tolerance, options.acceleration, options.weight) == (1e-9, "newton", 0.8)
