"""PyTorch's operations and compiled loops are one function; which of them ran can be told, and be chosen."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkd_plugin.errors import ConfigError, LossInputError, MissingDependencyError
from sinkd_plugin.losses import SinkhornLoss
from sinkd_plugin.options import validate
from sinkd_plugin.ot.distances import distances
from sinkd_plugin.ot.engine import Choice, use_engine
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.result import TransportResult
from sinkd_plugin.ot.transport import sinkhorn_distance

pytest.importorskip("numba", reason="the extra [fast] is not installed")

Found = tuple[TransportResult, torch.Tensor]


def logits(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def solved(engine: Choice, student: torch.Tensor, teacher: torch.Tensor, **given: Any) -> Found:
    weights = given.pop("weights", None)
    leaf = student.clone().requires_grad_()
    with use_engine(engine):
        options = validate(TransportOptions, given)
        result = sinkhorn_distance(leaf, teacher, options, student_weights=weights)
        (gradient,) = torch.autograd.grad(result.value.sum(), leaf)
        assert result.plan.shape == result.cost.shape  # both are computed when they are asked for
    return result, gradient


@st.composite
def problems(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
    """Around the sizes at which another loop takes over: 64 rows, 64 classes, one more than a full register."""
    rows = draw(st.one_of(st.integers(1, 20), st.sampled_from([31, 64, 65, 70])))
    classes = draw(st.sampled_from([1, 2, 3, 5, 63, 64, 65, 129, 1100]))
    groups = draw(st.sampled_from([(), (), (3,), (2, 2)]))
    seed = draw(st.integers(0, 10**6))
    student, teacher = logits(*groups, rows, classes, seed=seed), logits(*groups, rows, classes, seed=seed + 1)
    given = {
        "regularization": draw(st.sampled_from([0.005, 0.02, 0.1, 1.0, 50.0])),
        "iterations": draw(st.sampled_from([1, 2, 3, 20])),
        "p": draw(st.sampled_from([1, 1, 2, "inf"])),
        "rows": draw(st.sampled_from(["student", "teacher"])),
        "temperature": draw(st.sampled_from([0.5, 1.0, 2.0])),
        "pairing_penalty": draw(st.sampled_from([0.0, 0.0, 0.3])),
        "value": draw(st.sampled_from(["transport", "entropic"])),
        "plan_gradient": draw(st.sampled_from(["unrolled", "unrolled", "detached"])),
        "debiased": draw(st.booleans()),
    }
    if draw(st.booleans()):
        weights = torch.rand(student.shape[:-1], generator=torch.Generator().manual_seed(seed))
        weights[..., 1:2] = 0 if rows > 2 else 1
        given["weights"] = weights
    return student, teacher, given


@settings(max_examples=120, deadline=None)
@given(problem=problems())
def test_both_engines_are_one_function(problem: tuple[torch.Tensor, torch.Tensor, dict[str, Any]]) -> None:
    student, teacher, given = problem
    expected, by_torch = solved("torch", student, teacher, **given)
    found, by_loops = solved("numba", student, teacher, **given)
    assert (expected.engine, found.engine) == ("torch", "numba")
    # With entropy, or less the distances to itself, the value is what is left of numbers of the size of λ.
    torch.testing.assert_close(found.value, expected.value, rtol=1e-13, atol=1e-14 * (1 + given["regularization"]))
    torch.testing.assert_close(by_loops, by_torch, rtol=1e-9, atol=1e-13)
    torch.testing.assert_close(found.plan, expected.plan, rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(found.cost, expected.cost, rtol=1e-13, atol=1e-15)
    assert (found.solver, found.iterations) == (expected.solver, expected.iterations)


@pytest.mark.parametrize(("rows", "classes"), [(16, 3), (100, 3), (30, 3000)])
def test_single_precision_is_as_exact_in_both(rows: int, classes: int) -> None:
    student, teacher = (logits(rows, classes, seed=seed, dtype=torch.float32) for seed in (0, 1))
    exact, gradient = solved("torch", student.double(), teacher.double())
    for engine in ("torch", "numba"):
        found, single = solved(engine, student, teacher)
        assert found.value.item() == pytest.approx(exact.value.item(), rel=2e-6)
        assert (single - gradient).norm() < 2e-3 * gradient.norm()


@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
@pytest.mark.parametrize("classes", [3, 200])
def test_ties_have_the_derivative_zero(p: float, classes: int) -> None:
    """Half of the entries of half of the rows are equal, and two whole rows."""
    student, teacher = (logits(6, classes, seed=seed).softmax(-1) for seed in (0, 1))
    teacher[:3, : classes // 2 + 1] = student[:3, : classes // 2 + 1]
    teacher[4:] = student[4:]
    found = []
    for engine in ("torch", "numba"):
        with use_engine(engine):
            leaf = student.clone().requires_grad_()
            cost = distances(leaf, teacher, p)
            (gradient,) = torch.autograd.grad((cost * logits(6, 6, seed=2)).sum(), leaf)
            found.append((cost.detach(), gradient))
    torch.testing.assert_close(found[0], found[1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("p", [1, 2, "inf"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("classes", [3, 100])
def test_a_row_that_is_not_usable_is_named_and_never_lost(p: Any, bad: float, classes: int) -> None:
    student, teacher = logits(5, classes), logits(5, classes, seed=1)
    teacher[3, 1] = bad
    with use_engine("numba"), pytest.raises(LossInputError, match=r"teacher_logits .* bad rows 3 of 5"):
        SinkhornLoss(p=p)(student, teacher)


def test_loops_are_taken_where_they_can_be() -> None:
    student, teacher = logits(6, 3), logits(6, 3, seed=1)
    assert SinkhornLoss().transport(student, teacher).engine == "numba"
    assert SinkhornLoss(regularization=1e-3, iterations=1000).transport(student, teacher).engine == "torch"
    assert SinkhornLoss(tolerance=1e-3).transport(student, teacher).engine == "torch"
    assert SinkhornLoss().transport(student.bfloat16(), teacher.half()).engine == "numba"
    with use_engine("torch"):
        assert SinkhornLoss().transport(student, teacher).engine == "torch"


def test_large_kernels_are_left_to_pytorch_unless_loops_are_asked_for() -> None:
    student, teacher = (logits(1025, 3, seed=seed, dtype=torch.float32) for seed in (0, 1))
    assert SinkhornLoss(iterations=1).transport(student, teacher).engine == "torch"
    with use_engine("numba"):
        assert SinkhornLoss(iterations=1).transport(student, teacher).engine == "numba"


def test_no_bit_depends_on_the_number_of_threads() -> None:
    """A row is always computed alike, whichever thread does it; 80 rows of 3000 classes are enough for two of them."""
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            value, gradient = solved("numba", *(logits(80, 3000, seed=seed, dtype=torch.float32) for seed in (0, 1)))
            found.append((value.value.item(), gradient.numpy().tobytes()))
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1] == found[2]


def test_an_engine_that_does_not_exist_is_refused() -> None:
    message = r"must name an engine\. Received: 'jax'\. Choose one of auto, torch, numba, triton"
    with pytest.raises(ConfigError, match=message), use_engine("jax"):  # type: ignore[arg-type]
        pass


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=inherited, check=False)


REPORT = """
import torch
from sinkd_plugin import SinkhornLoss
print(SinkhornLoss().transport(torch.eye(3), torch.eye(3)).engine)
"""


@pytest.mark.parametrize("engine", ["torch", "numba"])
def test_the_environment_chooses(engine: str) -> None:
    assert run(REPORT, SINKD_ENGINE=engine).stdout.strip() == engine


def test_a_wrong_name_in_the_environment_is_told() -> None:
    assert (
        "SINKD_ENGINE or use_engine must name an engine. Received: 'fast'." in run(REPORT, SINKD_ENGINE="fast").stderr
    )


WITHOUT = "import sys\nsys.modules['numba'] = None\n"


def test_without_numba_pytorch_computes() -> None:
    finished = run(WITHOUT + REPORT, PYTHONWARNINGS="error")
    assert finished.stdout.strip() == "torch", finished.stderr


def test_numba_that_is_asked_for_and_missing_is_an_error() -> None:
    assert "needs the package 'numba'" in run(WITHOUT + REPORT, SINKD_ENGINE="numba").stderr
    assert issubclass(MissingDependencyError, ImportError)


def test_numba_that_does_not_load_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "numba.py").write_text("raise ImportError('Numba needs NumPy 0.1 or less')")
    finished = run(REPORT + REPORT, PYTHONPATH=str(tmp_path))
    assert finished.stdout.split() == ["torch", "torch"]
    assert finished.stderr.count("PyTorch computes instead: Numba needs NumPy 0.1 or less") == 1


@pytest.mark.slow
def test_what_is_compiled_is_kept_and_nothing_depends_on_that(tmp_path: Path) -> None:
    program = """
import torch
from sinkd_plugin import SinkhornLoss
student, teacher = torch.randn(2, 9, 4, generator=torch.Generator().manual_seed(0))
print(SinkhornLoss()(student, teacher).item().hex())
"""
    kept = {run(program, SINKD_HOME=str(tmp_path)).stdout for _ in range(2)}
    assert list(tmp_path.rglob("*.nbi"))
    unwritable = tmp_path / "file"
    unwritable.write_text("")
    finished = run(program, SINKD_HOME=str(unwritable), HOME=str(unwritable), XDG_CACHE_HOME=str(unwritable))
    assert {*kept, finished.stdout} == {finished.stdout}, finished.stderr


def test_inside_a_transform_no_memory_is_touched() -> None:
    """What ``torch.func`` gives a function are no numbers yet."""
    teacher = logits(5, 3, seed=1)

    def engine_inside(student: torch.Tensor) -> torch.Tensor:
        from sinkd_plugin.ot.engine import loops_apply

        assert not loops_apply(student)
        return student.sum()

    torch.func.grad(engine_inside)(logits(5, 3))
    torch.func.vmap(engine_inside)(logits(2, 5, 3))
    with use_engine("numba"):
        exported = torch.export.export(SinkhornLoss(), (logits(5, 3), teacher))
    assert "sinkd" not in str(exported.graph)


@pytest.mark.parametrize(("rows", "classes"), [(5, 3), (70, 3), (5, 100)])
def test_the_operators_say_what_they_return(rows: int, classes: int) -> None:
    from sinkd_plugin.ot.loops import loop_batch  # noqa: F401 - it defines the operator

    student, teacher = logits(rows, classes), logits(rows, classes, seed=1)
    for differentiate in (True, False):
        numbers = (None, None, 2.0, 1.0, False, False, 0.1, 5, 0.0, False, False, differentiate)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.library.opcheck(
                torch.ops.sinkd.batch.default,
                (student, teacher, *numbers),
                test_utils=("test_schema", "test_faketensor"),
            )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("options", [{}, {"rows": "teacher", "p": 2}, {"debiased": True}, {"regularization": 0.01}])
def test_a_compiled_graph_calls_the_loops(options: dict[str, Any]) -> None:
    loss = SinkhornLoss(**options)
    compiled = torch.compile(loss, dynamic=False, fullgraph=True)
    teacher, found = logits(7, 4, seed=1), []
    with use_engine("numba"):
        for function in (loss, compiled):
            student = logits(7, 4).requires_grad_()
            value = function(student, teacher)
            value.backward()
            found.append((value.detach(), student.grad))
    torch.testing.assert_close(found[0], found[1], rtol=1e-12, atol=1e-14)
