"""What the distance promises, whatever computes it."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkd_plugin.options import validate
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.result import TransportResult
from sinkd_plugin.ot.transport import sinkhorn_distance

pytestmark = pytest.mark.usefixtures("each_engine")

COSTS = ["batch", "flattened", "sample"]
INFINITY = math.inf


def logits(rows: int, classes: int, seed: int = 0, scale: float = 2.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(rows, classes, generator=generator, dtype=torch.float64)


def distance(student: torch.Tensor, teacher: torch.Tensor, **options: Any) -> TransportResult:
    return sinkhorn_distance(student, teacher, validate(TransportOptions, options))


def gradient(student: torch.Tensor, teacher: torch.Tensor, **options: Any) -> torch.Tensor:
    leaf = student.detach().clone().requires_grad_()
    (result,) = torch.autograd.grad(distance(leaf, teacher, **options).value, leaf)
    return result


@settings(max_examples=20, deadline=None)
@given(
    rows=st.integers(1, 6),
    classes=st.integers(2, 5),
    seed=st.integers(0, 10**6),
    scale=st.floats(0.1, 30),
    options=st.fixed_dictionaries(
        {
            "cost": st.sampled_from(COSTS),
            "rows": st.sampled_from(["student", "teacher"]),
            "regularization": st.sampled_from([1e-3, 0.1, 1.0]),
            "p": st.sampled_from([1, 2]),
        }
    ),
)
def test_value_gradient_and_plan_are_sane(
    rows: int, classes: int, seed: int, scale: float, options: dict[str, Any]
) -> None:
    student, teacher = logits(rows, classes, seed, scale), logits(rows, classes, seed + 1, scale)
    result = distance(student, teacher, **options)
    assert 0 <= result.value.item() <= result.cost_max.item() + 1e-12
    torch.testing.assert_close(result.value, (result.plan * result.cost).sum())
    torch.testing.assert_close(result.plan.sum(), torch.tensor(1.0).double())
    assert 0 <= result.marginal_residual.item() <= 1
    assert gradient(student, teacher, **options).isfinite().all()


def test_permuting_the_students_rows_changes_nothing() -> None:
    student, teacher = logits(7, 3), logits(7, 3, seed=1)
    permuted = distance(student.flip(0), teacher).value
    torch.testing.assert_close(permuted, distance(student, teacher).value, rtol=1e-12, atol=0)


@pytest.mark.parametrize(("cost", "points"), [("batch", 5), ("flattened", 15), ("sample", 5)])
def test_sum_is_mean_times_the_points(cost: str, points: int) -> None:
    student, teacher = logits(5, 3), logits(5, 3, seed=1)
    mean, total = (distance(student, teacher, cost=cost, reduction=reduction) for reduction in ("mean", "sum"))
    torch.testing.assert_close(total.value, points * mean.value, rtol=1e-12, atol=0)
    torch.testing.assert_close(total.plan.sum(), torch.tensor(float(points)).double())
    torch.testing.assert_close(total.marginal_residual, mean.marginal_residual)


@pytest.mark.parametrize("cost", COSTS)
def test_equal_predictions_cost_something_unless_debiased(cost: str) -> None:
    teacher = logits(6, 3)
    assert distance(teacher, teacher, cost=cost).value.item() > 1e-3
    assert distance(teacher, teacher, cost=cost, debiased=True).value.item() == 0
    assert gradient(teacher, teacher, cost=cost).abs().max() > 1e-4


def test_debiased_is_least_where_predictions_are_equal() -> None:
    teacher = logits(6, 3)
    options = {"debiased": True, "iterations": 500, "p": 2}
    assert gradient(teacher, teacher, **options).abs().max() < 1e-6
    assert distance(logits(6, 3, seed=1), teacher, **options).value.item() > 0.01


@pytest.mark.parametrize("p", [1, 2])
def test_one_row_gives_the_norm(p: int) -> None:
    student, teacher = logits(1, 4), logits(1, 4, seed=1)
    expected = ((student / 2).softmax(-1) - (teacher / 2).softmax(-1)).norm(p=p)
    torch.testing.assert_close(distance(student, teacher, p=p).value, expected)


def test_which_side_is_first_is_the_transposed_problem() -> None:
    student, teacher = logits(4, 3), logits(4, 3, seed=1)
    here = distance(student, teacher, rows="teacher", iterations=2)
    swapped = distance(teacher, student, iterations=2)
    torch.testing.assert_close(here.value, swapped.value, rtol=1e-12, atol=0)
    torch.testing.assert_close(here.plan, swapped.plan.T)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("debiased", [False, True])
@pytest.mark.parametrize("rows", ["student", "teacher"])
def test_gradient_agrees_with_finite_differences(cost: str, debiased: bool, rows: str) -> None:
    teacher = logits(3, 3, seed=1)

    def value(student: torch.Tensor) -> torch.Tensor:
        return distance(student, teacher, cost=cost, debiased=debiased, rows=rows, iterations=3).value

    assert torch.autograd.gradcheck(value, (logits(3, 3).requires_grad_(),))


def test_the_gradient_is_not_that_of_a_detached_plan() -> None:
    student, teacher = logits(6, 3), logits(6, 3, seed=1)
    leaf = student.clone().requires_grad_()
    plan = distance(student, teacher).plan
    cost = torch.cdist((leaf / 2).softmax(-1), (teacher / 2).softmax(-1), p=1)
    (detached,) = torch.autograd.grad((plan * cost).sum(), leaf)
    assert (gradient(student, teacher) - detached).norm() > 0.05 * detached.norm()


@pytest.mark.parametrize("cost", COSTS)
def test_no_rows_give_a_zero_that_can_be_differentiated(cost: str) -> None:
    student = torch.zeros(0, 3, requires_grad=True)
    result = distance(student, torch.zeros(0, 3), cost=cost)
    assert result.value.item() == 0
    result.value.backward()  # type: ignore[no-untyped-call]
    assert student.grad is not None
    assert student.grad.shape == (0, 3)
    assert result.marginal_residual.item() == result.cost_mean.item() == result.cost_max.item() == 0


@pytest.mark.parametrize("cost", COSTS)
def test_one_class_gives_zero(cost: str) -> None:
    assert distance(logits(4, 1), logits(4, 1, seed=1), cost=cost).value.item() == pytest.approx(0, abs=1e-15)
    assert gradient(logits(4, 1), logits(4, 1, seed=1), cost=cost).abs().max() < 1e-12


def test_identical_rows_share_the_plan_evenly() -> None:
    student, teacher = logits(1, 3).expand(5, 3), logits(1, 3, seed=1).expand(5, 3)
    result = distance(student, teacher)
    torch.testing.assert_close(result.plan, torch.full((5, 5), 0.04).double())
    assert result.marginal_residual.item() < 1e-12


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("regularization", [1e-3, 0.1])
def test_one_hot_rows_are_finite(p: int, regularization: float) -> None:
    teacher = 1e4 * torch.eye(4)
    student = teacher[[1, 0, 3, 3]]
    options = {"p": p, "regularization": regularization}
    assert 0 <= distance(student, teacher, **options).value.item() <= 2
    assert gradient(student, teacher, **options).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("cost", COSTS)
def test_the_largest_logits_of_a_type_are_finite(dtype: torch.dtype, cost: str) -> None:
    largest = torch.finfo(dtype).max
    student = torch.tensor([[largest, -largest], [0.0, largest]], dtype=dtype)
    options = {"cost": cost, "temperature": 0.5, "regularization": 1e-3}
    assert distance(student, student.flip(1), **options).value.isfinite()
    assert gradient(student, student.flip(1), **options).isfinite().all()


@pytest.mark.parametrize("cost", ["batch", "sample"])
def test_a_class_that_both_rule_out_is_a_class_that_is_not_there(cost: str) -> None:
    student, teacher = logits(4, 3), logits(4, 3, seed=1)
    masked = [torch.nn.functional.pad(tensor, (0, 1), value=-INFINITY) for tensor in (student, teacher)]
    torch.testing.assert_close(distance(*masked, cost=cost).value, distance(student, teacher, cost=cost).value)
    found = gradient(*masked, cost=cost)
    torch.testing.assert_close(found[:, :3], gradient(student, teacher, cost=cost))
    assert found[:, 3].abs().max() == 0


@pytest.mark.parametrize("cost", COSTS)
def test_a_class_that_one_side_rules_out_is_finite(cost: str) -> None:
    teacher = torch.tensor([[1.0, -INFINITY], [-INFINITY, 0.0], [0.5, 0.1]])
    assert gradient(torch.zeros(3, 2), teacher, cost=cost).isfinite().all()
    assert gradient(teacher, torch.zeros(3, 2), cost=cost).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_computed_in_float32(dtype: torch.dtype) -> None:
    student, teacher = logits(8, 3).to(dtype), logits(8, 3, seed=1).to(dtype)
    value = distance(student, teacher).value
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, distance(student.float(), teacher.float()).value, rtol=0, atol=0)
    assert gradient(student, teacher).dtype == dtype


def test_autocast_changes_nothing() -> None:
    student, teacher = logits(8, 3).float(), logits(8, 3, seed=1).float()
    outside, outside_gradient = distance(student, teacher).value, gradient(student, teacher)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(distance(student, teacher).value, outside, rtol=0, atol=0)
        torch.testing.assert_close(gradient(student, teacher), outside_gradient, rtol=0, atol=0)


def test_the_wider_type_decides() -> None:
    assert distance(logits(3, 2), logits(3, 2, seed=1).half()).value.dtype == torch.float64


def test_the_teacher_never_receives_a_gradient() -> None:
    student, teacher = logits(3, 2).requires_grad_(), logits(3, 2, seed=1).requires_grad_()
    distance(student, teacher, debiased=True).value.backward()  # type: ignore[no-untyped-call]
    assert teacher.grad is None


@pytest.mark.parametrize("debiased", [False, True])
def test_the_value_can_be_divided_in_place_before_backward(debiased: bool) -> None:
    student, teacher = logits(4, 3).float().requires_grad_(), logits(4, 3, seed=1).float()
    value = distance(student, teacher, debiased=debiased).value
    value /= 2
    value.backward()  # type: ignore[no-untyped-call]
    assert student.grad is not None
    expected = gradient(student, teacher, debiased=debiased) / 2
    torch.testing.assert_close(student.grad, expected)


def test_more_sweeps_leave_less_residual() -> None:
    student, teacher = logits(16, 2, scale=4.0), logits(16, 2, seed=1, scale=4.0)
    residuals = [distance(student, teacher, iterations=sweeps).marginal_residual.item() for sweeps in (1, 20, 2000)]
    assert residuals[0] > residuals[1] > residuals[2]
    assert residuals[1] > 1e-3  # the default is not converged here
    assert residuals[2] < 1e-6
