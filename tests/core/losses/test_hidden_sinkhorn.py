"""The distance between hidden states: scale, padding, pooling, and TextBrewer's slot."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.losses import hidden_sinkhorn
from sinkd_plugin.losses.specs import loss_specs
from sinkd_plugin.options import validate

pytestmark = pytest.mark.usefixtures("each_engine")


def states(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_lengths_of_vectors_do_not_matter() -> None:
    student, teacher = states(4, 3, 8), states(4, 3, 8, seed=1)
    torch.testing.assert_close(hidden_sinkhorn(5 * student, teacher / 7), hidden_sinkhorn(student, teacher))


def test_padding_is_as_if_it_were_not_there() -> None:
    student, teacher = states(4, 5, 8), states(4, 5, 8, seed=1)
    mask = torch.tensor([[1, 1, 1, 0, 0]]).expand(4, 5)
    student[:, 3:] = math.nan
    expected = hidden_sinkhorn(student[:, :3], teacher[:, :3])
    torch.testing.assert_close(hidden_sinkhorn(student, teacher, mask), expected)


def test_first_pooling_sees_only_the_first_position() -> None:
    student, teacher = states(4, 5, 8), states(4, 5, 8, seed=1)
    expected = hidden_sinkhorn(student[:, 0], teacher[:, 0])
    torch.testing.assert_close(hidden_sinkhorn(student, teacher, pooling="first"), expected)


@pytest.mark.parametrize("size", [8, 600])
def test_gradient_agrees_with_finite_differences(size: int) -> None:
    """Along one direction, with λ held at the mean cost where it is measured."""
    student, teacher, direction = states(3, size), states(3, size, seed=1), states(3, size, seed=2)
    leaf = student.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(hidden_sinkhorn(leaf, teacher), leaf)
    unit_cost = torch.cdist(torch.nn.functional.normalize(student), torch.nn.functional.normalize(teacher)).mean()

    def value(step: float) -> float:
        moved = torch.nn.functional.normalize(student + step * direction)
        cost = torch.cdist(moved, torch.nn.functional.normalize(teacher), compute_mode="donot_use_mm_for_euclid_dist")
        plan = torch.exp(-cost / (0.1 * unit_cost))
        for _ in range(20):
            plan = plan / (3 * plan.sum(1, keepdim=True))
            plan = plan / (3 * plan.sum(0, keepdim=True))
        return (plan * cost).sum().item()

    slope = (value(1e-6) - value(-1e-6)) / 2e-6
    assert (gradient * direction).sum().item() == pytest.approx(slope, rel=1e-4, abs=1e-8)


def test_the_teacher_gets_no_gradient_and_zero_states_are_finite() -> None:
    student, teacher = torch.zeros(3, 4, requires_grad=True), torch.zeros(3, 4, requires_grad=True)
    hidden_sinkhorn(student, teacher).backward()  # type: ignore[no-untyped-call]
    assert teacher.grad is None
    assert student.grad is not None
    assert student.grad.isfinite().all()


def test_no_examples_that_count_give_a_zero_that_can_be_differentiated() -> None:
    assert hidden_sinkhorn(torch.zeros(0, 3, 4), torch.zeros(0, 3, 4)).item() == 0
    student = states(2, 3, 4).requires_grad_()
    value = hidden_sinkhorn(student, states(2, 3, 4, seed=1), torch.zeros(2, 3))
    assert value.item() == 0
    value.backward()  # type: ignore[no-untyped-call]
    assert student.grad is not None
    assert not student.grad.any()


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_an_example_without_a_position_that_counts_is_not_there(pooling: Any) -> None:
    student, teacher, mask = states(5, 3, 8), states(5, 3, 8, seed=1), torch.ones(5, 3)
    mask[1], mask[3] = 0, torch.tensor([0, 0, 1])
    student[1], teacher[1] = math.nan, math.inf
    kept = [0, 2, 4] if pooling == "first" else [0, 2, 3, 4]
    expected = hidden_sinkhorn(student[kept], teacher[kept], mask[kept], pooling=pooling)
    leaf = student.clone().requires_grad_()
    value = hidden_sinkhorn(leaf, teacher, mask, pooling=pooling)
    torch.testing.assert_close(value, expected)
    (gradient,) = torch.autograd.grad(value, leaf)
    assert gradient[1].abs().max() == 0
    assert gradient[kept].isfinite().all()


def test_an_example_of_weight_two_is_that_example_twice() -> None:
    student, teacher = states(4, 8), states(4, 8, seed=1)
    doubled = [0, 0, 1, 2]
    weighted = hidden_sinkhorn(student, teacher, weights=torch.tensor([2.0, 1, 1, 0]), iterations=2000)
    torch.testing.assert_close(weighted, hidden_sinkhorn(student[doubled], teacher[doubled], iterations=2000))


def test_even_weights_are_no_weights() -> None:
    student, teacher = states(4, 3, 8), states(4, 3, 8, seed=1)
    weighted = hidden_sinkhorn(student, teacher, torch.ones(4, 3), weights=torch.full((4,), 7.0))
    torch.testing.assert_close(weighted, hidden_sinkhorn(student, teacher))


@pytest.mark.parametrize(
    ("student", "mask", "options", "message"),
    [
        (states(4, 3, 7), None, {}, "one device.*proj"),
        (states(4, 3, 8), torch.ones(4, 2), {}, r"one entry for each position.*\(4, 2\)"),
        (states(4, 3, 8) * math.nan, None, {}, "finite"),
        (states(4, 3, 8), None, {"pooling": "last"}, "'mean' or 'first'.*'last'"),
        (states(4, 3, 8), None, {"weights": torch.ones(3)}, r"weights must have one weight for each row.*\(3,\)"),
        (states(4, 3, 8), None, {"weights": -torch.ones(4)}, "weights must be finite and at least 0"),
    ],
)
def test_refusals(student: torch.Tensor, mask: torch.Tensor | None, options: dict[str, Any], message: str) -> None:
    with pytest.raises(LossInputError, match=message):
        hidden_sinkhorn(student, states(4, 3, 8), mask, **options)


def test_in_textbrewers_slot() -> None:
    (spec,) = (spec for spec in loss_specs() if spec.name == "hidden_sinkhorn")
    student, teacher, mask = states(4, 3, 8), states(4, 3, 8, seed=1), torch.tensor([[1, 1, 0]]).expand(4, 3)
    loss = spec.build(validate(spec.options, {"regularization": 0.2}))
    expected = hidden_sinkhorn(student, teacher, mask, regularization=0.2)
    torch.testing.assert_close(loss(state_S=student, state_T=teacher, mask=mask), expected)
