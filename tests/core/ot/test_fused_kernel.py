"""The fused kernel in Triton's interpreter, and through its compiler for two generations of devices.

It has not been run on a device: these tests show that it computes what it should and that it compiles, not how fast.
Each runs in a process of its own, because whether Triton interprets is decided when the kernel is imported.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton", reason="Triton is for Linux")


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=inherited, check=False)


COMPARE = """
import torch
from sinkd_plugin import SinkhornLoss, use_engine
from sinkd_plugin.options import validate
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.transport import sinkhorn_distance

def solved(engine, student, teacher, weights, **options):
    leaf = student.clone().requires_grad_()
    with use_engine(engine):
        found = sinkhorn_distance(leaf, teacher, validate(TransportOptions, options), student_weights=weights)
        (gradient,) = torch.autograd.grad(found.value.sum(), leaf)
        return found, gradient

generator = torch.Generator().manual_seed(0)
for shape in [(1, 1), (5, 3), (16, 2), (3, 17, 4), (2, 2, 6, 3), (70, 2)]:
    student, teacher = 3 * torch.randn(2, *shape, generator=generator)
    teacher[..., 0, :] = student[..., 0, :]
    weights = torch.rand(shape[:-1], generator=generator)
    if shape[-2] > 2:
        weights[..., 1] = 0
    for given in (None, weights):
        for options in ({}, {"iterations": 1}, {"regularization": 1.0, "temperature": 1.0, "reduction": "sum"}):
            expected, by_torch = solved("torch", student, teacher, given, **options)
            found, by_kernel = solved("triton", student, teacher, given, **options)
            assert (expected.engine, found.engine) == ("torch", "triton")
            torch.testing.assert_close(found.value, expected.value, rtol=1e-5, atol=1e-7)
            torch.testing.assert_close(by_kernel, by_torch, rtol=1e-3, atol=1e-6)
            torch.testing.assert_close(found.plan, expected.plan, rtol=1e-4, atol=1e-7)

student[0, 0] = float("nan")
with use_engine("triton"):
    try:
        SinkhornLoss()(student, teacher)
    except ValueError as error:
        assert "bad rows 0 of 70" in str(error), error
    else:
        raise AssertionError("a NaN was lost")
"""


def test_interpreted_it_is_the_same_function() -> None:
    finished = run(COMPARE, TRITON_INTERPRET="1")
    assert finished.returncode == 0, finished.stderr


ENGINES = """
import torch
from sinkd_plugin import SinkhornLoss, use_engine
small, large = torch.eye(5), torch.eye(129)
with use_engine("triton"):
    for loss, logits in [
        (SinkhornLoss(), small), (SinkhornLoss(), large), (SinkhornLoss(), small.double()), (SinkhornLoss(p=2), small),
        (SinkhornLoss(rows="teacher"), small), (SinkhornLoss(regularization=0.01), small),
        (SinkhornLoss(value="entropic"), small), (SinkhornLoss(pairing_penalty=1), small),
    ]:
        print(loss.transport(logits, logits).engine == "triton", end=" ")
print(SinkhornLoss().transport(small, small).engine == "triton")
"""


def test_it_is_taken_where_it_is_asked_for_and_can() -> None:
    finished = run(ENGINES, TRITON_INTERPRET="1")
    assert finished.stdout.split() == ["True", *["False"] * 8], finished.stderr


def test_without_a_device_it_is_never_taken() -> None:
    finished = run(ENGINES)
    assert finished.stdout.split() == ["False"] * 9, finished.stderr


def test_without_triton_asking_for_it_is_an_error() -> None:
    program = "import sys\nsys.modules['triton'] = None\n" + ENGINES
    assert "The engine 'triton' needs the package 'triton'." in run(program, TRITON_INTERPRET="1").stderr


COMPILE = """
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from sinkd_plugin.ot.fused.fused_batch import warps
from sinkd_plugin.ot.fused.kernel import sinkhorn_group

pointers = dict.fromkeys(sinkhorn_group.arg_names[:8], "*fp32")
numbers = {"n": "i32", "m": "i32", "classes": "i32", "regularization": "fp32", "sweeps": "i32"}
tiles = dict.fromkeys(("N", "M", "DIFFERENTIATE"), "constexpr")
for capability in (80, 90):
    for rows in (16, 128):
        constants = {"N": rows, "M": rows, "DIFFERENTIATE": True}
        source = ASTSource(sinkhorn_group, {**pointers, **numbers, **tiles}, constants)
        built = compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": warps(rows)})
        print(len(built.asm["cubin"]) > 1000)
"""


def test_it_compiles_for_devices_that_are_not_here() -> None:
    finished = run(COMPILE)
    assert finished.stdout.split() == ["True"] * 4, finished.stderr
