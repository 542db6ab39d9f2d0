"""Compiled loops on a line are PyTorch's operations on it, and the matrix's."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkd_plugin.losses import SinkhornLoss
from sinkd_plugin.ot.engine import use_engine
from sinkd_plugin.ot.line import LineTransport, line_transport

pytest.importorskip("numba", reason="the extra [fast] is not installed")

Gradients = tuple[torch.Tensor, ...]


def solved(engine: Any, problem: tuple[torch.Tensor, ...], **numbers: Any) -> tuple[LineTransport, Gradients]:
    leaves = [tensor.clone().requires_grad_() for tensor in problem]
    with use_engine(engine):
        found = line_transport(leaves[0], leaves[1], leaves[2], leaves[3], **numbers)
    return found, torch.autograd.grad(found.value.sum(), leaves)


@st.composite
def problems(draw: st.DrawFn) -> tuple[tuple[torch.Tensor, ...], dict[str, Any]]:
    """Few points of which some coincide, within a side and between both, some without mass."""
    groups, n, m = draw(st.integers(1, 3)), draw(st.integers(1, 12)), draw(st.integers(1, 12))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    steps = draw(st.sampled_from([2, 10, 10**6]))

    def side(points: int) -> tuple[torch.Tensor, torch.Tensor]:
        positions = torch.randint(0, steps, (groups, points), generator=generator).double() / steps
        masses = torch.rand(groups, points, generator=generator, dtype=torch.float64)
        if points > 2 and draw(st.booleans()):
            masses[:, 1] = 0
        return positions, (masses / masses.sum(dim=-1, keepdim=True)).log()

    (x, log_a), (y, log_b) = side(n), side(m)
    numbers = {
        "regularization": draw(st.sampled_from([0.008, 0.05, 1.0, 30.0])),
        "iterations": draw(st.integers(1, 25)),
    }
    return (x, y, log_a, log_b), numbers


@settings(max_examples=150, deadline=None)
@given(problem=problems())
def test_both_engines_are_one_function(problem: tuple[tuple[torch.Tensor, ...], dict[str, Any]]) -> None:
    sides, numbers = problem
    expected, by_torch = solved("torch", sides, **numbers)
    found, by_loops = solved("numba", sides, **numbers)
    assert (expected.engine, found.engine) == ("torch", "numba")
    torch.testing.assert_close(found.value, expected.value, rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(found.marginal_residual, expected.marginal_residual, rtol=1e-9, atol=1e-13)
    torch.testing.assert_close(found.student_potential, expected.student_potential, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(found.teacher_potential, expected.teacher_potential, rtol=1e-10, atol=1e-10)
    for ours, theirs in zip(by_loops, by_torch, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12 / numbers["regularization"])


@pytest.mark.parametrize("cost", ["flattened", "sample", "batch"])
def test_the_loss_takes_them(cost: str) -> None:
    rows = 400 if cost == "batch" else 6
    student, teacher = torch.randn(2, rows, 2, generator=torch.Generator().manual_seed(0))
    assert SinkhornLoss(cost=cost).transport(student, teacher).engine == "numba"
    with use_engine("torch"):
        assert SinkhornLoss(cost=cost).transport(student, teacher).engine == "torch"


def test_logarithms_are_left_to_pytorch() -> None:
    points = torch.linspace(0, 1, 5, dtype=torch.float64)
    even = torch.full((5,), -math.log(5), dtype=torch.float64)
    found = line_transport(points, points, even, even, regularization=1e-3, iterations=3)
    assert (found.log_domain, found.engine) == (True, "torch")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("cost", ["flattened", "sample"])
def test_a_compiled_graph_calls_the_loops(cost: str) -> None:
    loss, teacher, found = SinkhornLoss(cost=cost), torch.eye(5, 4, dtype=torch.float64), []
    with use_engine("numba"):
        for function in (loss, torch.compile(loss, dynamic=False, fullgraph=True)):
            student = torch.linspace(-1, 1, 20, dtype=torch.float64).reshape(5, 4).requires_grad_()
            value = function(student, teacher)
            value.backward()
            found.append((value.detach(), student.grad))
    torch.testing.assert_close(found[0], found[1], rtol=1e-12, atol=1e-14)
