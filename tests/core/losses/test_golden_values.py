"""Every loss against values and gradients from an independent float64 implementation."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from sinkd_plugin.losses import SinkhornLoss, js, kl, reverse_kl, tvd

pytestmark = pytest.mark.usefixtures("each_engine")

ROOT = Path(__file__).parents[3]
GOLDEN = json.loads((ROOT / "tests" / "golden" / "golden.json").read_text())
ORACLE = ROOT.parent / "shared" / "conformance" / "oracle.py"

ROUNDING = 1e-12
"""Absolute. Of rows that are one-hot up to 1e-13, both see what rounding near 1 leaves: finite differences miss that
the largest probability moves at all, and double precision decides the sign of its distance to another such row."""

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

EXCLUDED = {
    "js_released": "documents what a published script computes instead of the Jensen-Shannon divergence",
    "sinkd_T0": "no sweep leaves a kernel, not a plan; iterations start at 1",
    "sample_jacobi_eq10": "Eq. 10 as printed does not conserve mass",
    "exact_batch": "an exact solution; tests/core/ot/test_against_reference.py compares with it in the limit",
    "exact_sample": "an exact solution, as above",
    "exact_alt": "an exact solution, as above",
}

DIVERGENCES = {"kl": kl, "rkl": reverse_kl, "js": js, "tvd": tvd}
COSTS = {"sinkd": "batch", "sinkd_eq15": "batch", "sinkd_alt": "flattened", "sinkd_sample": "sample"}


def loss_of(name: str, arguments: Mapping[str, Any]) -> Loss:
    """Our counterpart of a function of the oracle."""
    if name == "total":
        return total_of(arguments)
    if name in DIVERGENCES:
        return divergence_of(name, arguments)
    options = {
        "temperature": arguments.get("tau", 2.0),
        "regularization": arguments.get("lam", 0.1),
        "iterations": arguments.get("T", 20),
        "p": arguments.get("p", 1),
        "rows": arguments.get("rows", "student"),
        "cost": COSTS[name],
        "pairing": arguments.get("pairing", "consistent"),
        "reduction": "sum" if sums(name, arguments) else "mean",
    }
    return SinkhornLoss(**options)


def sums(name: str, arguments: Mapping[str, Any]) -> bool:
    if name == "sinkd_sample":
        return arguments.get("reduction") == "sum"
    return name != "sinkd_eq15" and arguments.get("scale", "sum") == "sum"


def divergence_of(name: str, arguments: Mapping[str, Any]) -> Loss:
    """The oracle's ``mean`` also divides by the classes, and its cross-entropy form keeps the teacher's entropy."""
    reduction = arguments.get("reduction", "batchmean")

    def loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        value: torch.Tensor = DIVERGENCES[name](
            student,
            teacher,
            arguments.get("tau", 1.0),
            "sum" if reduction == "sum" else "mean",
            arguments.get("tau2", False),
        )
        value = value + entropy(teacher).mean() if arguments.get("cross_entropy") else value
        return value / student.shape[1] if reduction == "mean" else value

    return loss


def total_of(arguments: Mapping[str, Any]) -> Loss:
    """Eq. 19 at the oracle's defaults: α = 0.9, β = 0.8, everything summed over the batch."""
    labels = torch.tensor(arguments["y"])

    def loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        hard = torch.nn.functional.cross_entropy(student, labels, reduction="sum")
        soft = kl(student, teacher, reduction="sum") + entropy(teacher).sum()
        sinkhorn: torch.Tensor = SinkhornLoss(reduction="sum")(student, teacher)
        return 0.1 * hard + 0.9 * soft + 0.8 * sinkhorn

    return loss


def entropy(logits: torch.Tensor) -> torch.Tensor:
    return -(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1)


def value_and_gradient(loss: Loss, case: Mapping[str, Any], dtype: torch.dtype) -> tuple[float, np.ndarray[Any, Any]]:
    student = torch.tensor(case["student_logits"], dtype=dtype, requires_grad=True)
    value = loss(student, torch.tensor(case["teacher_logits"], dtype=dtype))
    assert value.shape == ()
    assert value.dtype == dtype
    value.backward()  # type: ignore[no-untyped-call]
    assert student.grad is not None
    return value.item(), student.grad.double().numpy()


def check(case: Mapping[str, Any], dtype: torch.dtype, value_tolerance: float, gradient_tolerance: float) -> None:
    value, gradient = value_and_gradient(loss_of(case["loss"], case["kwargs"]), case, dtype)
    assert value == pytest.approx(case["value"], rel=value_tolerance, abs=ROUNDING)
    if "grad" in case:
        expected = np.array(case["grad"])
        allowed = max(gradient_tolerance * np.abs(expected).max(), case["grad_fd_uncertainty"], ROUNDING)
        assert np.abs(gradient - expected).max() <= allowed


COVERED = [pytest.param(case, id=case["name"]) for case in GOLDEN["cases"] if case["name"] not in EXCLUDED]


def test_every_exclusion_is_a_case() -> None:
    assert set(EXCLUDED) <= {case["name"] for case in GOLDEN["cases"]}


@pytest.mark.parametrize("case", COVERED)
def test_float64(case: dict[str, Any]) -> None:
    check(case, torch.float64, 1e-9, 1e-7)


@pytest.mark.parametrize("case", COVERED)
def test_float32(case: dict[str, Any]) -> None:
    check(case, torch.float32, 1e-4, 1e-3)


def oracle() -> ModuleType:
    if not ORACLE.is_file():
        pytest.skip("the folder of oracle.py does not lie beside this checkout; golden.json is checked all the same")
    spec = importlib.util.spec_from_file_location("oracle", ORACLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FRESH: list[tuple[str, dict[str, Any]]] = [
    ("kl", {"tau": 3.0, "tau2": True}),
    ("rkl", {"tau": 0.5}),
    ("js", {"tau": 1.5, "reduction": "sum"}),
    ("tvd", {"tau": 0.7}),
    ("sinkd", {}),
    ("sinkd", {"rows": "teacher", "T": 3, "lam": 0.05, "scale": "mean"}),
    ("sinkd", {"p": 2, "lam": 0.01, "tau": 1.0}),
    ("sinkd_alt", {"lam": 0.02, "T": 7}),
    ("sinkd_sample", {"lam": 0.03}),
    ("sinkd_sample", {"pairing": "literal", "T": 4, "reduction": "sum"}),
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("name", "arguments"), FRESH)
def test_fresh_logits_agree_with_the_oracle(name: str, arguments: dict[str, Any], seed: int) -> None:
    reference = oracle()
    random = np.random.default_rng([seed, 7])
    rows, classes = random.integers(2, 5, size=2)
    student, teacher = random.normal(scale=2.5, size=(2, rows, classes))
    function = reference.LOSSES[name]
    case = {
        "loss": name,
        "kwargs": arguments,
        "student_logits": student.tolist(),
        "teacher_logits": teacher.tolist(),
        "value": function(student, teacher, **arguments),
        "grad": reference.num_grad(lambda logits: function(logits, teacher, **arguments), student),
        "grad_fd_uncertainty": 1e-9,
    }
    check(case, torch.float64, 1e-9, 1e-7)
