"""KL, reverse KL, JS and TVD: limits, symmetries, masks, precision and refusals."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.losses import js, kl, reverse_kl, tvd

ALL = [kl, reverse_kl, js, tvd]
BOUNDED = [(js, math.log(2)), (tvd, 1.0)]


def logits(*shape: int, seed: int = 0, scale: float = 2.0) -> torch.Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradient(loss: Any, student: torch.Tensor, teacher: torch.Tensor, **arguments: Any) -> torch.Tensor:
    leaf = student.detach().clone().requires_grad_()
    (result,) = torch.autograd.grad(loss(leaf, teacher, **arguments), leaf)
    return result


@pytest.mark.parametrize("loss", ALL)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.01, 50), temperature=st.floats(0.5, 10))
def test_never_negative_and_zero_where_equal(loss: Any, seed: int, scale: float, temperature: float) -> None:
    student, teacher = logits(3, 4, seed=seed, scale=scale), logits(3, 4, seed=seed + 1, scale=scale)
    assert loss(student, teacher, temperature).item() > -1e-15
    assert abs(loss(teacher, teacher, temperature).item()) < 1e-15
    assert gradient(loss, teacher, teacher, temperature=temperature).abs().max() < 1e-15


@pytest.mark.parametrize(("loss", "bound"), BOUNDED)
def test_bounded_ones_are_symmetric_and_reach_their_bound(loss: Any, bound: float) -> None:
    student, teacher = logits(3, 4), logits(3, 4, seed=1)
    torch.testing.assert_close(loss(student, teacher), loss(teacher, student))
    first, second = torch.tensor([[0.0, -math.inf]]), torch.tensor([[-math.inf, 0.0]])
    assert loss(first, second).item() == pytest.approx(bound)
    assert gradient(loss, first, second).isfinite().all()


def test_reverse_is_kl_with_the_roles_swapped() -> None:
    student, teacher = logits(3, 4), logits(3, 4, seed=1)
    torch.testing.assert_close(reverse_kl(student, teacher), kl(teacher, student))
    assert kl(student, teacher).item() != pytest.approx(reverse_kl(student, teacher).item(), rel=0.01)


@pytest.mark.parametrize("loss", ALL)
def test_leading_dimensions_are_rows(loss: Any) -> None:
    student, teacher = logits(2, 3, 4), logits(2, 3, 4, seed=1)
    torch.testing.assert_close(loss(student, teacher), loss(student.flatten(0, 1), teacher.flatten(0, 1)))
    torch.testing.assert_close(loss(student, teacher, reduction="sum"), 6 * loss(student, teacher))
    torch.testing.assert_close(loss(student[0, 0], teacher[0, 0]), loss(student[0, :1], teacher[0, :1]))


@pytest.mark.parametrize("loss", ALL)
@pytest.mark.parametrize("squared", [False, True])
def test_each_row_may_have_its_temperature(loss: Any, squared: bool) -> None:
    student, teacher = logits(2, 3, 4), logits(2, 3, 4, seed=1)
    temperatures = torch.linspace(1.0, 4.0, 6).double().reshape(2, 3)
    together = loss(student, teacher, temperatures, scale_by_temperature_squared=squared)
    rows = zip(student.flatten(0, 1), teacher.flatten(0, 1), temperatures.flatten().tolist(), strict=True)
    apart = [loss(s, t, tau, scale_by_temperature_squared=squared) for s, t, tau in rows]
    torch.testing.assert_close(together, torch.stack(apart).mean())
    torch.testing.assert_close(loss(student, teacher, torch.tensor(2.0).double()), loss(student, teacher, 2.0))


@pytest.mark.parametrize("loss", ALL)
def test_temperature_squared_is_a_factor(loss: Any) -> None:
    student, teacher = logits(3, 4), logits(3, 4, seed=1)
    scaled = loss(student, teacher, 3.0, scale_by_temperature_squared=True)
    torch.testing.assert_close(scaled, 9 * loss(student, teacher, 3.0))


@pytest.mark.parametrize("loss", ALL)
def test_gradient_agrees_with_finite_differences(loss: Any) -> None:
    teacher = logits(2, 3, seed=1)
    assert torch.autograd.gradcheck(lambda student: loss(student, teacher, 1.5), (logits(2, 3).requires_grad_(),))


@pytest.mark.parametrize("loss", ALL)
def test_a_class_that_both_rule_out_is_a_class_that_is_not_there(loss: Any) -> None:
    student, teacher = logits(4, 3), logits(4, 3, seed=1)
    masked = [torch.nn.functional.pad(tensor, (0, 1), value=-math.inf) for tensor in (student, teacher)]
    torch.testing.assert_close(loss(*masked), loss(student, teacher))
    found = gradient(loss, *masked)
    torch.testing.assert_close(found[:, :3], gradient(loss, student, teacher))
    assert found[:, 3].abs().max() == 0


@pytest.mark.parametrize("loss", ALL)
def test_a_class_with_vanishing_probability_has_a_finite_gradient(loss: Any) -> None:
    far, even = torch.tensor([[0.0, -200.0]]), torch.zeros(1, 2)
    assert gradient(loss, far, even).isfinite().all()
    assert gradient(loss, even, far).isfinite().all()


def test_ruling_out_what_the_other_holds_possible_is_infinite() -> None:
    sure, even = torch.tensor([[0.0, -math.inf]]), torch.zeros(1, 2)
    assert kl(sure, even).item() == math.inf
    assert reverse_kl(even, sure).item() == math.inf


@pytest.mark.parametrize("loss", ALL)
@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3)])
def test_no_rows_give_a_zero_that_can_be_differentiated(loss: Any, shape: tuple[int, ...]) -> None:
    student = torch.zeros(shape, requires_grad=True)
    value = loss(student, torch.zeros(shape))
    assert value.item() == 0
    value.backward()
    assert student.grad is not None


@pytest.mark.parametrize("loss", ALL)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_and_autocast_are_computed_in_float32(loss: Any, dtype: torch.dtype) -> None:
    student, teacher = logits(8, 3).to(dtype), logits(8, 3, seed=1).to(dtype)
    expected = loss(student.float(), teacher.float())
    assert expected.dtype == torch.float32
    torch.testing.assert_close(loss(student, teacher), expected, rtol=0, atol=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(loss(student, teacher), expected, rtol=0, atol=0)


@pytest.mark.parametrize("loss", ALL)
def test_only_the_student_learns_and_the_value_survives_division_in_place(loss: Any) -> None:
    student, teacher = logits(3, 2).requires_grad_(), logits(3, 2, seed=1).requires_grad_()
    value = loss(student, teacher)
    value /= 2
    value.backward()
    assert teacher.grad is None
    assert student.grad is not None
    torch.testing.assert_close(student.grad, gradient(loss, student, teacher) / 2)


@pytest.mark.parametrize("loss", ALL)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0.0}, "temperature must be positive and finite.*0.0"),
        ({"temperature": math.nan}, "temperature must be positive"),
        ({"temperature": torch.ones(3)}, r"one entry for each row.*\(3,\) for logits \(2, 4\)"),
        ({"reduction": "none"}, "reduction must be 'mean' or 'sum'.*'none'"),
    ],
)
def test_arguments_outside_their_range(loss: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(LossInputError, match=message):
        loss(torch.zeros(2, 4), torch.zeros(2, 4), **arguments)


@pytest.mark.parametrize("loss", ALL)
def test_logits_are_checked(loss: Any) -> None:
    with pytest.raises(LossInputError, match="bad rows 1 of 2"):
        loss(torch.tensor([[0.0], [math.nan]]), torch.zeros(2, 1))
