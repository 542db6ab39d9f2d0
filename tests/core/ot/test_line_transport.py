"""What transport on the line promises without a matrix to compare with, at any size."""

from __future__ import annotations

import math

import pytest
import torch

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.ot.line import LineTransport, line_transport

pytestmark = pytest.mark.usefixtures("each_engine")


def random_points(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def uniform(points: int) -> torch.Tensor:
    return torch.full((points,), -math.log(points), dtype=torch.float64)


def transport(
    student: torch.Tensor, teacher: torch.Tensor, regularization: float = 0.1, iterations: int = 20
) -> LineTransport:
    masses = uniform(student.shape[-1]), uniform(teacher.shape[-1])
    return line_transport(student, teacher, *masses, regularization=regularization, iterations=iterations)


def gradient(value: torch.Tensor, leaf: torch.Tensor) -> torch.Tensor:
    (found,) = torch.autograd.grad(value.sum(), leaf)
    return found


def test_small_regularization_matches_sorted_points() -> None:
    x, y = random_points(12), random_points(12, seed=1)
    exact = (x.sort()[0] - y.sort()[0]).abs().mean().item()
    result = transport(x, y, regularization=1e-3, iterations=5000)
    assert result.value.item() == pytest.approx(exact, abs=1e-3)
    assert result.marginal_residual.item() < 1e-2


def test_large_regularization_looks_at_no_distance() -> None:
    x, y = random_points(8), random_points(11, seed=1)
    mean = (x[:, None] - y).abs().mean()
    torch.testing.assert_close(transport(x, y, regularization=1e6).value, mean, rtol=1e-5, atol=0)


def test_the_order_of_points_does_not_matter() -> None:
    x, y = random_points(9).requires_grad_(), random_points(9, seed=1)
    permutation = torch.randperm(9, generator=torch.Generator().manual_seed(2))
    shuffled = x.detach()[permutation].requires_grad_()
    value, other = transport(x, y).value, transport(shuffled, y.flip(0)).value
    torch.testing.assert_close(value, other, rtol=1e-13, atol=0)
    torch.testing.assert_close(gradient(value, x)[permutation], gradient(other, shuffled), rtol=1e-10, atol=1e-14)


def test_moving_mirroring_and_stretching_the_line() -> None:
    x, y = random_points(9), random_points(7, seed=1)
    value = transport(x, y).value
    torch.testing.assert_close(transport(x + 3, y + 3).value, value, rtol=1e-12, atol=0)
    torch.testing.assert_close(transport(-x, -y).value, value, rtol=1e-12, atol=0)
    torch.testing.assert_close(transport(50 * x, 50 * y, regularization=5.0).value, 50 * value, rtol=1e-12, atol=0)


@pytest.mark.parametrize("regularization", [1e-3, 0.1])
def test_a_student_point_in_two_halves_is_one_point(regularization: float) -> None:
    x, y, a, b = random_points(4), random_points(5, seed=1), uniform(4), uniform(5)
    halves = torch.cat([a, a[:1]])
    halves[[0, 4]] -= math.log(2)
    whole = line_transport(x, y, a, b, regularization=regularization, iterations=7).value
    halved = line_transport(torch.cat([x, x[:1]]), y, halves, b, regularization=regularization, iterations=7).value
    torch.testing.assert_close(halved, whole, rtol=1e-11, atol=0)


def test_problems_in_a_stack_are_problems_apart_and_dimensions_broadcast() -> None:
    x, y = random_points(2, 3, 6).requires_grad_(), random_points(3, 5, seed=1)
    together = transport(x, y)
    assert together.value.shape == together.marginal_residual.shape == (2, 3)
    assert together.plan().shape == (2, 3, 6, 5)
    apart = torch.stack([torch.stack([transport(x[i, j], y[j]).value for j in range(3)]) for i in range(2)])
    torch.testing.assert_close(together.value, apart, rtol=1e-13, atol=0)
    torch.testing.assert_close(gradient(together.value, x), gradient(apart, x), rtol=1e-12, atol=1e-15)


def test_problems_too_large_for_one_group_are_solved_one_after_the_other() -> None:
    x, y = random_points(3, 40_000).requires_grad_(), random_points(3, 40_000, seed=1)
    together = transport(x, y, iterations=2).value
    apart = torch.stack([transport(x[i], y[i], iterations=2).value for i in range(3)])
    torch.testing.assert_close(together, apart, rtol=0, atol=0)
    torch.testing.assert_close(gradient(together, x), gradient(apart, x), rtol=0, atol=0)


def test_no_problems() -> None:
    x = random_points(0, 4).requires_grad_()
    result = transport(x, random_points(0, 3))
    assert result.value.shape == (0,)
    assert gradient(result.value, x).shape == (0, 4)


def test_single_precision_is_computed_in_double() -> None:
    x, y = random_points(50).float().requires_grad_(), random_points(50, seed=1).float()
    value = transport(x, y).value
    assert value.dtype == torch.float64
    torch.testing.assert_close(value, transport(x.double(), y.double()).value, rtol=0, atol=0)
    assert gradient(value, x).dtype == torch.float32


def test_strided_and_expanded_points() -> None:
    wide = random_points(6, 8).requires_grad_()
    x, y = wide[:, ::2].T, random_points(1, seed=1).expand(4, 6)
    value = transport(x, y).value
    torch.testing.assert_close(value, transport(x.detach().contiguous(), y.contiguous()).value, rtol=0, atol=0)
    found = gradient(value, wide)
    assert found[:, 1::2].abs().max() == 0
    assert found[:, ::2].abs().max() > 0


def test_equal_points_have_no_distance_and_no_gradient() -> None:
    x = torch.full((5,), 0.3, dtype=torch.float64, requires_grad=True)
    value = transport(x, x.detach()[:4]).value
    assert value.item() == 0
    assert gradient(value, x).abs().max() == 0


def test_points_that_differ_by_less_than_centring_can_tell() -> None:
    x = torch.tensor([1e-20, 0.5], dtype=torch.float64, requires_grad=True)
    value = transport(x, torch.tensor([2e-20, 0.5, 1.0], dtype=torch.float64)).value
    other = transport(x, torch.tensor([1e-20, 0.5, 1.0], dtype=torch.float64)).value
    # The sign of the distance to a nearly equal point counts in full, that to an equal point not at all.
    assert (gradient(value, x) - gradient(other, x))[0].item() < -0.1


@pytest.mark.parametrize("spread", [1.0, 1e4, 1e10])
@pytest.mark.parametrize("iterations", [1, 50])
def test_extremes_are_finite(spread: float, iterations: int) -> None:
    x = torch.tensor([0.0, 1e-300, 1.0, 1.0, 0.5], dtype=torch.float64).mul(spread).requires_grad_()
    a = torch.tensor([-1e4, -800.0, 0.0, -math.inf, -1e-9], dtype=torch.float64).log_softmax(-1).requires_grad_()
    y = torch.tensor([1.0, 0.0, 0.7], dtype=torch.float64) * spread
    b = torch.tensor([-700.0, -1e4, 0.0], dtype=torch.float64).log_softmax(-1)
    value = line_transport(x, y, a, b, regularization=1e-3, iterations=iterations).value
    assert 0 <= value.item() <= spread
    for found in torch.autograd.grad(value, (x, a)):
        assert found.isfinite().all()


def test_ten_thousand_sweeps_are_finite() -> None:
    x = random_points(20).requires_grad_()
    for regularization in (1e-3, 8e-3):
        result = transport(
            x, 0.1 * random_points(20, seed=1), regularization, 10_000 if regularization > 5e-3 else 2500
        )
        assert gradient(result.value, x).isfinite().all()


def assert_balanced(points: int, regularization: float) -> None:
    """Moving both sides changes nothing; the value grows with the teacher's mass, and not with the student's."""
    x, y = (random_points(points, seed=seed).requires_grad_() for seed in (0, 1))
    a, b = uniform(points).requires_grad_(), uniform(points).requires_grad_()
    value = line_transport(x, y, a, b, regularization=regularization, iterations=20).value
    by_x, by_y, by_a, by_b = torch.autograd.grad(value, (x, y, a, b))
    assert by_x.abs().sum().item() > 1e-3
    assert (by_x.sum() + by_y.sum()).item() == pytest.approx(0, abs=1e-9)
    assert by_a.sum().item() == pytest.approx(0, abs=1e-9)
    assert by_b.sum().item() == pytest.approx(value.item(), rel=1e-9)


@pytest.mark.parametrize("regularization", [1e-3, 0.1])
def test_a_hundred_thousand_points(regularization: float) -> None:
    assert_balanced(100_000, regularization)


@pytest.mark.slow
@pytest.mark.parametrize("regularization", [1e-3, 0.1])
def test_a_million_points(regularization: float) -> None:
    assert_balanced(1_000_000, regularization)


def test_a_second_derivative_is_refused() -> None:
    x = random_points(4).requires_grad_()
    (first,) = torch.autograd.grad(transport(x, random_points(3)).value, x, create_graph=True)
    with pytest.raises(LossInputError, match="differentiated once"):
        first.square().sum().backward()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("side", ["student", "teacher"])
def test_points_that_are_not_finite(bad: float, side: str) -> None:
    good, broken = random_points(4), torch.tensor([0.1, bad, 0.3], dtype=torch.float64)
    with pytest.raises(LossInputError, match="finite"):
        transport(*((broken, good) if side == "student" else (good, broken)))


@pytest.mark.parametrize(
    ("points", "masses", "message"),
    [
        (torch.zeros(3), torch.zeros(2), r"as many.*\(3,\) and log-masses \(2,\)"),
        (torch.zeros(2, 0), torch.zeros(0), r"one point or more.*\(2, 0\)"),
        (torch.tensor(1.0), torch.zeros(1), r"one point or more.*\(\)"),
    ],
)
def test_sides_that_are_no_points_with_masses(points: torch.Tensor, masses: torch.Tensor, message: str) -> None:
    good = random_points(3), uniform(3)
    with pytest.raises(LossInputError, match=message):
        line_transport(points, good[0], masses, good[1], regularization=0.1, iterations=1)
    with pytest.raises(LossInputError, match=message):
        line_transport(good[0], points, good[1], masses, regularization=0.1, iterations=1)
