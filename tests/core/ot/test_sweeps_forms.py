"""Every form of the sweeps is the same function: the plan in logarithms, and its gradient by autograd."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from sinkd_plugin.ot.sinkhorn import sinkhorn_plan
from sinkd_plugin.ot.solver import SolverName, choose_solver
from sinkd_plugin.ot.sweeps import SweepSettings
from sinkd_plugin.ot.value import solve, value_and_gradient

pytestmark = pytest.mark.usefixtures("each_engine")

FORMS: list[SolverName] = ["scaling-float64", "scaling-float64-absorbed", "log"]


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def masses(*shape: int, seed: int, absent: bool) -> torch.Tensor:
    weights = random(*shape, seed=seed)
    if absent:
        weights[..., 1] = 0
    return (weights / weights.sum(dim=-1, keepdim=True)).log()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", [(5, 4), (6, 6), (3, 5, 4)])
@pytest.mark.parametrize("iterations", [1, 2, 20])
@pytest.mark.parametrize("value", ["transport", "entropic"])
@pytest.mark.parametrize("absent", [False, True])
def test_value_plan_and_gradient_are_those_of_autograd(
    form: SolverName, shape: tuple[int, ...], iterations: int, value: str, absent: bool
) -> None:
    cost = random(*shape).requires_grad_()
    rows = masses(*shape[:-1], seed=1, absent=absent)
    columns = masses(*shape[:-2], shape[-1], seed=2, absent=False)
    settings = SweepSettings(regularization=0.1, iterations=iterations, value=value)  # type: ignore[arg-type]
    solution = solve(cost, rows, columns, settings, form)
    found, gradient = value_and_gradient(cost, solution, settings)
    plan = sinkhorn_plan(cost, rows, columns, regularization=0.1, iterations=iterations)
    entropy = torch.special.xlogy(plan, plan.clamp_min(1e-300))
    expected = (plan * cost + (0.1 * entropy if value == "entropic" else 0.0)).sum(dim=(-2, -1))
    (by_cost,) = torch.autograd.grad(expected.sum(), cost)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(solution.value(cost.detach(), settings), expected, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(solution.plan(), plan, rtol=1e-11, atol=1e-14)
    torch.testing.assert_close(gradient.cost, by_cost, rtol=1e-9, atol=1e-12)


def test_even_masses_need_no_products_with_them() -> None:
    cost, even = random(6, 6), torch.full((6,), -math.log(6), dtype=torch.float64)
    settings = SweepSettings(regularization=0.1, iterations=7)
    short, long = (solve(cost, even, even, settings, "scaling-float64", even=flag) for flag in (True, False))
    torch.testing.assert_close(short.plan(), long.plan(), rtol=1e-12, atol=0)


def test_many_blocks_of_rows_are_one_matrix() -> None:
    """600 x 600 entries do not fit into one block."""
    cost, even = random(600, 600), torch.full((600,), -math.log(600), dtype=torch.float64)
    settings = SweepSettings(regularization=0.1, iterations=3)
    found, gradient = value_and_gradient(cost, solve(cost, even, even, settings, "scaling-float64"), settings)
    expected, by_cost = value_and_gradient(cost, solve(cost, even, even, settings, "log"), settings)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(gradient.cost, by_cost.cost, rtol=1e-9, atol=1e-15)


def test_the_logarithmic_form_differentiates_by_the_masses() -> None:
    cost, rows, columns = random(4, 3), masses(4, seed=1, absent=False), masses(3, seed=2, absent=False)
    settings = SweepSettings(regularization=0.3, iterations=4)
    _, gradient = value_and_gradient(cost, solve(cost, rows, columns, settings, "log"), settings)
    leaves = rows.requires_grad_(), columns.requires_grad_()
    value = (sinkhorn_plan(cost, *leaves, regularization=0.3, iterations=4) * cost).sum()
    by_rows, by_columns = torch.autograd.grad(value, leaves)
    assert gradient.log_rows is not None
    assert gradient.log_columns is not None
    torch.testing.assert_close(gradient.log_rows, by_rows)
    torch.testing.assert_close(gradient.log_columns, by_columns)


@pytest.mark.parametrize("form", FORMS)
def test_a_tolerance_stops_where_it_is_met(form: SolverName) -> None:
    cost, even = random(6, 6), torch.full((6,), -math.log(6), dtype=torch.float64)
    settings = SweepSettings(regularization=0.1, iterations=500, tolerance=1e-6)
    solution = solve(cost, even, even, settings, form)
    assert solution.converged is not None
    assert bool(solution.converged)
    assert 1 < solution.sweeps < 500

    def misplaced(sweeps: int) -> float:
        plan = sinkhorn_plan(cost, even, even, regularization=0.1, iterations=sweeps)
        return (plan.sum(-1) - even.exp()).abs().sum().item() / 2

    assert misplaced(solution.sweeps) <= 1e-6 < misplaced(solution.sweeps - 1)
    capped = solve(cost, even, even, replace(settings, iterations=2), form)
    assert capped.sweeps == 2
    assert capped.converged is not None
    assert not bool(capped.converged)


@pytest.mark.parametrize("value", ["transport", "entropic"])
def test_implicit_is_unrolled_where_the_sweeps_have_converged(value: str) -> None:
    cost, even = random(2, 5, 5), torch.full((2, 5), -math.log(5), dtype=torch.float64)
    unrolled = SweepSettings(regularization=0.2, iterations=400, value=value)  # type: ignore[arg-type]
    solution = solve(cost, even, even, unrolled, "scaling-float64")
    _, exact = value_and_gradient(cost, solution, unrolled)
    _, implicit = value_and_gradient(cost, solution, replace(unrolled, plan_gradient="implicit"))
    torch.testing.assert_close(implicit.cost, exact.cost, rtol=1e-9, atol=1e-12)
    if value == "entropic":  # by the envelope theorem
        torch.testing.assert_close(exact.cost, solution.plan(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("spread", "iterations", "points", "dtype", "expected"),
    [
        (20, 10_000, 4096, torch.float32, "scaling-float32"),
        (20, 20, 32, torch.float64, "scaling-float64"),
        (40, 20, 32, torch.float32, "scaling-float64"),
        (300, 10_000, 4096, torch.float32, "scaling-float64"),
        (2000, 20, 32, torch.float32, "scaling-float64-absorbed"),
        (2000, 200, 32, torch.float32, "log"),
    ],
)
def test_the_form_follows_from_what_is_known_beforehand(
    spread: float, iterations: int, points: int, dtype: torch.dtype, expected: str
) -> None:
    assert choose_solver(spread, iterations, points, dtype) == expected
    assert choose_solver(2000, iterations, points, dtype, "mps") == "log"
