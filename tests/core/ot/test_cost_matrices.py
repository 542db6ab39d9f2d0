"""Cost matrices against loops, and their gradients where the distance is zero."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch

from sinkd_plugin.ot.cost import batch_cost, flattened_cost, sample_cost
from sinkd_plugin.ot.distances import distances

pytestmark = pytest.mark.usefixtures("each_engine")

EXACTLY = "donot_use_mm_for_euclid_dist"


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


@pytest.mark.parametrize("p", [1, 2, math.inf])
@pytest.mark.parametrize("classes", [2, 7, 600, 9000])
def test_distances_and_gradients_are_those_of_a_plain_sum(p: float, classes: int) -> None:
    """Few classes, many, and more than one chunk; with rows enough for the closed form of two classes."""
    rows = 130 if classes == 2 else 3
    student, teacher = probabilities(rows, classes).requires_grad_(), probabilities(rows, classes, 1).requires_grad_()
    weights = probabilities(rows, rows, seed=2)
    found = torch.autograd.grad((distances(student, teacher, p) * weights).sum(), (student, teacher))
    differences = (student.unsqueeze(1) - teacher).norm(p=p, dim=-1)
    expected = torch.autograd.grad((differences * weights).sum(), (student, teacher))
    torch.testing.assert_close(batch_cost(student, teacher, p), differences)
    if p == math.inf and classes == 2:  # a tie in every pair: which class is not defined, what the logits see is
        found, expected = ([side[:, :1] - side[:, 1:] for side in sides] for sides in (found, expected))  # type: ignore[assignment]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("p", [1, 2])
def test_many_classes_in_single_precision_are_more_exact_than_one_long_sum(p: float) -> None:
    student, teacher = probabilities(8, 50_000), probabilities(8, 50_000, seed=1)
    exact = torch.cdist(student, teacher, p=p)
    ours, plain = (
        (function(student.float(), teacher.float(), p) - exact).abs().max().item()
        for function in (
            batch_cost,
            lambda s, t, p: torch.cdist(s, t, p=p, compute_mode="donot_use_mm_for_euclid_dist"),
        )
    )
    assert ours < 2e-6
    assert ours < plain


def test_no_buffer_of_rows_by_rows_by_classes() -> None:
    """64 rows and 50,257 classes: such a buffer would take 823 MB, all that is left are a few times the 13 MB given."""
    program = """
import resource, torch
torch.set_num_threads(1)
from sinkd_plugin import SinkhornLoss
student, teacher = (torch.randn(64, 50257) for _ in range(2))
loss = SinkhornLoss()
loss(student[:4, :600].clone().requires_grad_(), teacher[:4, :600]).backward()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
loss(student.requires_grad_(), teacher).backward()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(finished.stdout) < 120
