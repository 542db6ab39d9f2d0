"""The plan against closed forms, exact solutions and its own marginals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment, linprog

from sinkd_plugin.ot.sinkhorn import sinkhorn_plan


def uniform(points: int) -> torch.Tensor:
    return torch.full((points,), -math.log(points), dtype=torch.float64)


def random_cost(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=30, deadline=None)
@given(entries=st.lists(st.floats(0, 2), min_size=4, max_size=4), regularization=st.sampled_from([0.1, 0.5, 1.0]))
def test_two_by_two_has_a_closed_form(entries: list[float], regularization: float) -> None:
    a, b, c, d = entries
    cost = torch.tensor([[a, b], [c, d]], dtype=torch.float64)
    plan = sinkhorn_plan(cost, uniform(2), uniform(2), regularization=regularization, iterations=500)
    # Scaling keeps the cross ratio of the kernel, and the marginals leave one unknown.
    expected = 0.5 / (1 + math.exp((a + d - b - c) / (2 * regularization)))
    if abs(a + d - b - c) < 8 * regularization:  # beyond, 500 sweeps are too few
        assert plan[0, 0].item() == pytest.approx(expected, abs=1e-9)
        assert plan[0, 1].item() == pytest.approx(0.5 - expected, abs=1e-9)


def test_small_regularization_finds_the_best_assignment() -> None:
    cost = random_cost(6, 6)
    plan = sinkhorn_plan(cost, uniform(6), uniform(6), regularization=1e-3, iterations=3000)
    rows, columns = linear_sum_assignment(cost.numpy())
    assert (plan * cost).sum().item() == pytest.approx(cost.numpy()[rows, columns].mean(), abs=2e-3)


def test_small_regularization_solves_the_linear_programme() -> None:
    cost = random_cost(4, 3, seed=1)
    rows, columns = torch.tensor([0.1, 0.2, 0.3, 0.4]).double(), torch.tensor([0.5, 0.3, 0.2]).double()
    plan = sinkhorn_plan(cost, rows.log(), columns.log(), regularization=1e-3, iterations=5000)
    constraints = np.vstack([np.kron(np.eye(4), np.ones(3)), np.kron(np.ones(4), np.eye(3))])
    exact = linprog(cost.numpy().ravel(), A_eq=constraints, b_eq=np.r_[rows.numpy(), columns.numpy()])
    assert (plan * cost).sum().item() == pytest.approx(exact.fun, abs=2e-3)


def test_the_last_side_is_exact_after_one_sweep_and_both_after_many() -> None:
    cost = random_cost(5, 4)
    once = sinkhorn_plan(cost, uniform(5), uniform(4), regularization=0.1, iterations=1)
    often = sinkhorn_plan(cost, uniform(5), uniform(4), regularization=0.1, iterations=500)
    torch.testing.assert_close(once.sum(0), uniform(4).exp())
    assert not torch.allclose(once.sum(1), uniform(5).exp(), atol=1e-3)
    torch.testing.assert_close(often.sum(0), uniform(4).exp())
    torch.testing.assert_close(often.sum(1), uniform(5).exp())


def test_a_stack_of_problems_is_each_of_them() -> None:
    costs = random_cost(3, 5, 4)
    rows, columns = random_cost(3, 5, seed=1).log_softmax(-1), random_cost(3, 4, seed=2).log_softmax(-1)
    together = sinkhorn_plan(costs, rows, columns, regularization=0.2, iterations=4)
    apart = [
        sinkhorn_plan(cost, row, column, regularization=0.2, iterations=4)
        for cost, row, column in zip(costs, rows, columns, strict=True)
    ]
    torch.testing.assert_close(together, torch.stack(apart))


def test_a_point_without_mass_is_a_point_that_is_not_there() -> None:
    cost = random_cost(4, 3).requires_grad_()
    rows = torch.tensor([0.5, 0.0, 0.25, 0.25]).double().log().requires_grad_()
    plan = sinkhorn_plan(cost, rows, uniform(3), regularization=0.1, iterations=7)
    kept = [0, 2, 3]
    without = sinkhorn_plan(cost[kept], rows[kept], uniform(3), regularization=0.1, iterations=7)
    torch.testing.assert_close(plan[kept], without)
    assert plan[1].sum() == 0
    (plan * cost).sum().backward()  # type: ignore[no-untyped-call]
    assert cost.grad is not None
    assert rows.grad is not None
    assert cost.grad.isfinite().all()
    assert cost.grad[1].abs().max() == 0
    assert rows.grad.isfinite().all()


@pytest.mark.parametrize("iterations", [1, 4])
def test_the_gradient_is_that_of_the_sweeps(iterations: int) -> None:
    def value(cost: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        return (sinkhorn_plan(cost, rows, columns, regularization=0.3, iterations=iterations) * cost).sum()

    inputs = (random_cost(3, 4), random_cost(3, seed=1), random_cost(4, seed=2))
    assert torch.autograd.gradcheck(value, [tensor.requires_grad_() for tensor in inputs])


def test_costs_far_beyond_the_regularization_stay_finite() -> None:
    cost = (2 * (1 - torch.eye(4, dtype=torch.float64))).requires_grad_()
    plan = sinkhorn_plan(cost, uniform(4), uniform(4), regularization=1e-3, iterations=50)
    (plan * cost).sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(plan.diagonal(), uniform(4).exp())
    assert cost.grad is not None
    assert cost.grad.isfinite().all()
