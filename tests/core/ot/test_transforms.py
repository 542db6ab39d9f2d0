"""The loss under the transforms of torch.func: the same numbers, or a clear refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.autograd.forward_ad import dual_level, make_dual

from sinkd_plugin.errors import LossInputError
from sinkd_plugin.losses import SinkhornLoss
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.transport import sinkhorn_distance

COSTS = ["batch", "flattened", "sample"]
vmap: Callable[..., Any] = torch.func.vmap
grad: Callable[..., Any] = torch.func.grad
jacrev: Callable[..., Any] = torch.func.jacrev


def logits(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


GROUPS = logits(4, 6, 3), logits(4, 6, 3, seed=1)


def gradient(loss: SinkhornLoss, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    leaf = student.clone().requires_grad_()
    (found,) = torch.autograd.grad(loss(leaf, teacher), leaf)
    return found


def each(function: Callable[..., torch.Tensor], *stacks: torch.Tensor) -> torch.Tensor:
    return torch.stack([function(*one) for one in zip(*stacks, strict=True)])


@pytest.mark.parametrize("cost", COSTS)
def test_grad_and_jacrev_are_the_gradient(cost: str) -> None:
    loss, (student, teacher) = SinkhornLoss(cost=cost), (side[0] for side in GROUPS)
    expected = gradient(loss, student, teacher)
    torch.testing.assert_close(grad(loss)(student, teacher), expected)
    torch.testing.assert_close(jacrev(loss)(student, teacher), expected)


@pytest.mark.parametrize("cost", COSTS)
def test_vmap_is_each_group_apart(cost: str) -> None:
    loss = SinkhornLoss(cost=cost)
    expected = each(loss, *GROUPS)
    torch.testing.assert_close(vmap(loss)(*GROUPS), expected)
    moved = (side.movedim(0, 1) for side in GROUPS)
    torch.testing.assert_close(vmap(loss, in_dims=1)(*moved), expected)
    torch.testing.assert_close(vmap(vmap(loss))(*(side[None] for side in GROUPS)), expected[None])
    one_teacher = each(lambda student: loss(student, GROUPS[1][0]), GROUPS[0])
    torch.testing.assert_close(vmap(loss, in_dims=(0, None))(GROUPS[0], GROUPS[1][0]), one_teacher)
    weights = logits(4, 6, seed=2).square()
    torch.testing.assert_close(vmap(loss)(*GROUPS, weights), each(loss, *GROUPS, weights))


@pytest.mark.parametrize("cost", COSTS)
def test_gradients_and_vmap_in_any_order(cost: str) -> None:
    loss, (student, teacher) = SinkhornLoss(cost=cost), GROUPS
    expected = each(lambda *one: gradient(loss, *one), *GROUPS)
    torch.testing.assert_close(vmap(grad(loss))(student, teacher), expected)
    torch.testing.assert_close(grad(lambda x: vmap(loss)(x, teacher).sum())(student), expected)
    leaf = student.clone().requires_grad_()
    torch.testing.assert_close(torch.autograd.grad(vmap(loss)(leaf, teacher).sum(), leaf)[0], expected)
    jacobian = jacrev(vmap(loss))(student, teacher)
    torch.testing.assert_close(jacobian[range(4), range(4)], expected)
    assert jacobian[0, 1].abs().max() == 0


def test_under_autocast_too() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = vmap(SinkhornLoss())(*GROUPS)
    torch.testing.assert_close(found, each(SinkhornLoss(), *GROUPS))


def test_a_row_that_is_not_usable_is_named() -> None:
    broken = GROUPS[0].clone()
    broken[2, 3] = torch.nan
    with pytest.raises(LossInputError, match="bad rows 15 of 24"):
        vmap(SinkhornLoss())(broken, GROUPS[1])


FORWARD_MODE = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
"""Where forward mode is entered for the first time, torch imports what it deprecates."""


@FORWARD_MODE
@pytest.mark.parametrize("cost", COSTS)
def test_second_derivatives_are_refused(cost: str) -> None:
    loss, (student, teacher) = SinkhornLoss(cost=cost), (side[0] for side in GROUPS)
    with pytest.raises(LossInputError, match="differentiated once"):
        grad(lambda x: grad(loss)(x, teacher).square().sum())(student)
    with pytest.raises(LossInputError, match="differentiated once"):
        jacrev(jacrev(loss))(student, teacher)
    with pytest.raises(LossInputError, match="backwards only"):
        torch.func.hessian(loss)(student, teacher)


@FORWARD_MODE
@pytest.mark.parametrize("cost", COSTS)
def test_forward_mode_is_refused(cost: str) -> None:
    loss, (student, teacher) = SinkhornLoss(cost=cost), (side[0] for side in GROUPS)
    with pytest.raises(LossInputError, match=r"backwards only.*torch\.func\.grad or jacrev"):
        torch.func.jvp(lambda x: loss(x, teacher), (student,), (student,))
    with dual_level(), pytest.raises(LossInputError, match="backwards only"):
        loss(make_dual(student, student), teacher)  # type: ignore[no-untyped-call]


def test_there_is_no_plan_to_ask_for() -> None:
    def plan(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        return sinkhorn_distance(student, teacher, TransportOptions()).plan

    with pytest.raises(LossInputError, match=r"its value alone.*need no vmap"):
        vmap(plan)(*GROUPS)
