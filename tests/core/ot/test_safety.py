"""Finite value and gradient for every finite logit, and the same bits twice."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkd_plugin.options import validate
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.transport import sinkhorn_distance

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


def value_and_gradient(
    student: torch.Tensor, teacher: torch.Tensor, **options: Any
) -> tuple[torch.Tensor, torch.Tensor, str]:
    leaf = student.detach().clone().requires_grad_()
    result = sinkhorn_distance(leaf, teacher, validate(TransportOptions, options))
    (gradient,) = torch.autograd.grad(result.value.sum(), leaf)
    return result.value.detach(), gradient, result.solver


@st.composite
def problems(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
    rows, classes = draw(st.integers(1, 24)), draw(st.sampled_from([1, 2, 3, 5, 17, 600]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    scale = draw(st.sampled_from([0.0, 0.1, 3.0, 30.0, 1e3, 1e4]))
    student, teacher = (
        (scale * torch.randn(rows, classes, generator=generator, dtype=torch.float64)).clamp(-1e4, 1e4)
        for _ in range(2)
    )
    if draw(st.booleans()):
        teacher = student.roll(draw(st.integers(0, rows)), 0)
    options = {
        "regularization": 10 ** draw(st.floats(-3, 3)),
        "iterations": draw(st.sampled_from([1, 2, 20, 20, 100])),
        "p": draw(st.sampled_from([1, 2, "inf"])),
        "rows": draw(st.sampled_from(["student", "teacher"])),
        "temperature": draw(st.sampled_from([0.1, 1.0, 2.0, 50.0])),
        "pairing_penalty": draw(st.sampled_from([0.0, 0.0, 0.5, 1e3])),
        "value": draw(st.sampled_from(["transport", "entropic"])),
        "plan_gradient": draw(st.sampled_from(["unrolled", "unrolled", "detached"])),
        "debiased": draw(st.booleans()),
    }
    dtype, other = draw(st.sampled_from(DTYPES)), draw(st.sampled_from(DTYPES))
    return student.to(dtype), teacher.to(other), options


@settings(max_examples=150, deadline=None)
@given(problem=problems())
def test_value_and_gradient_are_finite(problem: tuple[torch.Tensor, torch.Tensor, dict[str, Any]]) -> None:
    student, teacher, options = problem
    value, gradient, _ = value_and_gradient(student, teacher, **options)
    assert value.isfinite()
    assert gradient.isfinite().all()
    assert gradient.dtype == student.dtype


@settings(max_examples=40, deadline=None)
@given(problem=problems())
def test_single_precision_is_double_precision_up_to_rounding(
    problem: tuple[torch.Tensor, torch.Tensor, dict[str, Any]],
) -> None:
    """On the same probabilities; λ small enough lets a rounded cost move the plan, and is left out."""
    student, teacher, options = problem
    options = {**options, "regularization": max(options["regularization"], 0.03), "debiased": False, "temperature": 2.0}
    student, teacher = (side.float().clamp(-20, 20) for side in (student, teacher))
    single, double = (
        value_and_gradient(student.to(d), teacher.to(d), **options) for d in (torch.float32, torch.float64)
    )
    allowed = 2e-4 * max(1.0, options["regularization"])
    assert abs(single[0].item() - double[0].item()) <= allowed


@pytest.mark.parametrize("regularization", [1e-3, 0.005, 0.02, 0.1])
@pytest.mark.parametrize("iterations", [1000, 10_000])
def test_thousands_of_sweeps(regularization: float, iterations: int) -> None:
    """Rows that are sure of different classes are as far apart as rows can be."""
    teacher = 1e4 * torch.eye(4)
    student = teacher[[1, 0, 3, 3]] + torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    value, gradient, _ = value_and_gradient(
        student, teacher, regularization=regularization, iterations=iterations, temperature=100.0
    )
    assert 0 <= value.item() <= 2
    assert gradient.isfinite().all()


@pytest.mark.slow
@pytest.mark.parametrize("classes", [50_257, 200_000])
def test_very_many_classes(classes: int) -> None:
    student, teacher = torch.randn(2, 6, classes, generator=torch.Generator().manual_seed(0))
    value, gradient, _ = value_and_gradient(student, teacher)
    expected, exact, _ = value_and_gradient(student.double(), teacher.double())
    assert value.item() == pytest.approx(expected.item(), abs=2e-6)
    # Probabilities that are equal in single precision only have another sign of their difference.
    assert (gradient - exact).norm() < 0.02 * exact.norm()


def test_a_million_rows_of_two_classes_need_no_matrix() -> None:
    """Here a tenth of them, where the matrix would already take 80 GB."""
    student, teacher = torch.randn(2, 100_000, 2, generator=torch.Generator().manual_seed(0))
    value, gradient, solver = value_and_gradient(student, teacher)
    assert solver == "line"
    assert 0 < value.item() < 2
    assert gradient.isfinite().all()


@pytest.mark.parametrize("layout", ["transposed", "expanded", "strided"])
def test_memory_layout_does_not_matter(layout: str) -> None:
    base = torch.randn(6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    student = {"transposed": base.T, "expanded": base[:1].expand(6, 6), "strided": base[:, ::2]}[layout]
    teacher = torch.randn(student.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = value_and_gradient(student, teacher)
    expected = value_and_gradient(student.contiguous(), teacher)
    torch.testing.assert_close(found[:2], expected[:2])


@pytest.mark.parametrize(("rows", "classes"), [(300, 3), (16, 5000)])
def test_the_same_input_gives_the_same_bits(rows: int, classes: int) -> None:
    """In two processes, one thread each; another number of threads may sum in another order."""
    program = f"""
import hashlib, torch
torch.set_num_threads(1)
from sinkd_plugin import SinkhornLoss
student, teacher = torch.randn(2, {rows}, {classes}, generator=torch.Generator().manual_seed(0))
value = SinkhornLoss()(student.requires_grad_(), teacher)
value.backward()
print(value.item().hex(), hashlib.sha256(student.grad.numpy().tobytes()).hexdigest())
"""
    runs = {subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(runs) == 1
