"""Compiled, exported, or refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sinkd_plugin.losses import SinkhornLoss
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.transport import sinkhorn_distance


def logits(rows: int, classes: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, classes, generator=torch.Generator().manual_seed(seed))


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "classes"), [(8, 3), (6, 5000)])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_compiled_it_is_the_same(rows: int, classes: int) -> None:
    loss = SinkhornLoss()
    results = []
    for function in (loss, torch.compile(loss, dynamic=False)):
        student = logits(rows, classes).requires_grad_()
        value = function(student, logits(rows, classes, seed=1))
        value.backward()
        assert student.grad is not None
        results.append((value.detach(), student.grad))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-7)


@pytest.mark.slow
def test_exported_it_is_the_same() -> None:
    student, teacher = logits(8, 3), logits(8, 3, seed=1)
    exported = torch.export.export(SinkhornLoss(), (student, teacher))
    torch.testing.assert_close(exported.module()(student, teacher), SinkhornLoss()(student, teacher))


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"debiased": True, "value": "entropic"},
        {"on_nonfinite": "skip"},
        {"cost": "flattened"},
        {"cost": "sample"},
        {"p": "inf", "pairing_penalty": 0.3},
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_with_options_it_compiles_in_one_graph(options: dict[str, Any]) -> None:
    loss = SinkhornLoss(iterations=3, **options)
    student, teacher = logits(6, 3), logits(6, 3, seed=1)
    compiled = torch.compile(loss, dynamic=False, fullgraph=True)
    torch.testing.assert_close(compiled(student, teacher), loss(student, teacher), rtol=1e-4, atol=1e-7)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_groups_with_weights_and_a_tolerance_compile() -> None:
    options = TransportOptions(tolerance=1e-4, iterations=50)

    def loss(student: torch.Tensor, teacher: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        return sinkhorn_distance(student, teacher, options, student_weights=weights).value

    inputs = (*torch.randn(2, 3, 6, 3, generator=torch.Generator().manual_seed(0)), torch.rand(3, 6))
    torch.testing.assert_close(torch.compile(loss, dynamic=False)(*inputs), loss(*inputs), rtol=1e-4, atol=1e-6)


def test_a_tolerance_is_refused() -> None:
    with pytest.raises(Exception, match="Whether a tolerance is met can only be seen in values"):
        torch.export.export(SinkhornLoss(tolerance=1e-3), (logits(8, 3), logits(8, 3)))
