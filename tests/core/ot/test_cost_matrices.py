"""Cost matrices against loops, and their gradients where the distance is zero."""

from __future__ import annotations

import pytest
import torch

from sinkd_plugin.ot.cost import batch_cost, flattened_cost, sample_cost


def probabilities(rows: int, classes: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, classes, generator=generator, dtype=torch.float64).softmax(-1)


@pytest.mark.parametrize("p", [1, 2])
def test_batch_cost_is_the_norm_of_each_difference(p: int) -> None:
    student, teacher = probabilities(3, 4), probabilities(5, 4, seed=1)
    cost = batch_cost(student, teacher, p)
    assert cost.shape == (3, 5)
    for i in range(3):
        for j in range(5):
            torch.testing.assert_close(cost[i, j], (student[i] - teacher[j]).norm(p=p))


def test_flattened_cost_compares_every_entry_with_every_entry() -> None:
    student, teacher = probabilities(2, 3), probabilities(2, 3, seed=1)
    cost = flattened_cost(student, teacher)
    assert cost.shape == (6, 6)
    assert cost[1, 5] == (student[0, 1] - teacher[1, 2]).abs()


def test_sample_cost_compares_classes_within_a_row() -> None:
    student, teacher = probabilities(2, 3), probabilities(2, 3, seed=1)
    cost = sample_cost(student, teacher)
    assert cost.shape == (2, 3, 3)
    assert cost[1, 0, 2] == (student[1, 0] - teacher[1, 2]).abs()


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("rows", [3, 40])
def test_equal_rows_are_at_distance_zero_with_a_finite_gradient(p: int, rows: int) -> None:
    student = probabilities(rows, 5).requires_grad_()
    cost = batch_cost(student, student.detach(), p)
    assert cost.diagonal().abs().max() == 0
    cost.diagonal().sum().backward()  # type: ignore[no-untyped-call]
    assert student.grad is not None
    assert student.grad.abs().max() == 0
