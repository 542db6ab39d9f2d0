"""Finite value and gradient for every finite logit, and the same bits twice."""

from __future__ import annotations

import math
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

pytestmark = pytest.mark.usefixtures("each_engine")

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


def value_and_gradient(
    student: torch.Tensor, teacher: torch.Tensor, weights: torch.Tensor | None = None, **options: Any
) -> tuple[torch.Tensor, torch.Tensor, str]:
    leaf = student.detach().clone().requires_grad_()
    result = sinkhorn_distance(leaf, teacher, validate(TransportOptions, options), student_weights=weights)
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


@st.composite
def any_problem(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, dict[str, Any]]:
    """Any cost; classes that are ruled out, rows without weight, rows to be skipped, any layout."""
    student, teacher, options = draw(problems())
    cost = draw(st.sampled_from(["batch", "flattened", "sample"]))
    if cost != "batch":
        # Some options take the matrix between all entries.
        student, teacher = student[:, :20], teacher[:, :20]
        options.update(cost=cost, pairing_penalty=0.0)
    if cost == "sample":
        options["pairing"] = draw(st.sampled_from(["consistent", "literal"]))
    options["plan_gradient"] = draw(st.sampled_from([options["plan_gradient"], "implicit"]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    if draw(st.booleans()):
        student, teacher = (ruled_out(side, generator) for side in (student, teacher))
    if draw(st.booleans()):
        options["on_nonfinite"] = "skip"
        student[draw(st.integers(0, len(student) - 1))] = math.nan
        teacher[draw(st.integers(0, len(student) - 1)), -1] = math.inf
    if draw(st.booleans()):
        student = torch.stack([student, student.neg()], dim=-1)[..., 0]  # strided
        teacher = teacher[:1].expand(teacher.shape)
    weights = torch.rand(len(student), generator=generator).round(decimals=1)
    weights[draw(st.integers(0, len(student) - 1))] = 1.0
    return student, teacher, weights if draw(st.booleans()) else None, options


def ruled_out(logits: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Logits with -inf here and there, but never in a whole row."""
    gone = torch.rand(logits.shape, generator=generator) < 0.3
    gone[..., 0] = False
    return logits.masked_fill(gone, -math.inf)


@settings(max_examples=200, deadline=None)
@given(problem=any_problem())
def test_any_cost_is_finite_whatever_it_is_given(
    problem: tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, dict[str, Any]],
) -> None:
    student, teacher, weights, options = problem
    value, gradient, _ = value_and_gradient(student, teacher, weights, **options)
    assert value.isfinite()
    assert gradient.isfinite().all()
    assert gradient.dtype == student.dtype
    if weights is not None:
        assert not gradient[weights == 0].any()


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


@pytest.mark.parametrize("regularization", [1e-3, 0.003, 0.1])
@pytest.mark.parametrize("weights", [[1.0, 0, 1, 1], [1.0, 0, 0, 0]])
def test_rows_without_weight_harm_no_one_however_near_or_far(regularization: float, weights: list[float]) -> None:
    """On confident rows, some of which lie 2000 λ from all others and some at no distance."""
    for seed in range(60):
        student, teacher = 30 * torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(seed))
        leaf = student.requires_grad_()
        options = validate(TransportOptions, {"regularization": regularization})
        value = sinkhorn_distance(leaf, teacher, options, student_weights=torch.tensor(weights)).value
        (gradient,) = torch.autograd.grad(value, leaf)
        assert value.isfinite()
        assert gradient.isfinite().all()


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


BITS = """
import hashlib, sys, torch
torch.set_num_threads(int(sys.argv[1]))
from sinkd_plugin import SinkhornLoss
cases = [
    (300, 3, {}), (16, 5000, {}), (600, 2, {}), (40, 3, {"regularization": 0.002, "iterations": 100}),
    (300, 5, {"cost": "flattened"}), (6, 5000, {"cost": "sample"}),
    (50, 3, {"tolerance": 1e-9, "acceleration": "newton", "regularization": 0.01, "iterations": 100}),
]
for rows, classes, options in cases:
    student, teacher = torch.randn(2, rows, classes, generator=torch.Generator().manual_seed(0))
    value = SinkhornLoss(**options)(student.requires_grad_(), teacher)
    value.backward()
    print(value.item().hex(), hashlib.sha256(student.grad.numpy().tobytes()).hexdigest())
"""


@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_same_input_gives_the_same_bits(threads: str) -> None:
    """In two processes, with equally many threads; another number of threads may sum in another order."""
    running = [subprocess.Popen([sys.executable, "-c", BITS, threads], stdout=subprocess.PIPE) for _ in range(2)]
    first, second = (process.communicate(timeout=600)[0] for process in running)
    assert first.count(b"\n") == 7
    assert first == second
