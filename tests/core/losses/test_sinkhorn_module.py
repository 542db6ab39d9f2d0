"""The module: its signature, its text, and that it is the function with the same options."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.losses import SinkhornLoss
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.transport import sinkhorn_distance


def test_arguments_and_defaults_are_those_of_the_options() -> None:
    parameters = inspect.signature(SinkhornLoss).parameters
    declared = {name: field.default for name, field in TransportOptions.model_fields.items()}
    assert {name: parameter.default for name, parameter in parameters.items()} == declared


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 1.0, "p": 2, "reduction": "sum"}, {"cost": "sample", "debiased": True}]
)
def test_it_is_the_function(options: dict[str, Any]) -> None:
    student, teacher = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    expected = sinkhorn_distance(student, teacher, TransportOptions(**options)).value
    loss = SinkhornLoss(**options)
    torch.testing.assert_close(loss(student, teacher), expected, rtol=0, atol=0)
    torch.testing.assert_close(loss.transport(student, teacher).value, expected, rtol=0, atol=0)


def test_print_shows_every_option() -> None:
    assert "regularization=0.05" in repr(SinkhornLoss(regularization=0.05))
    assert "rows='student'" in repr(SinkhornLoss())


def test_it_has_no_state() -> None:
    assert SinkhornLoss().state_dict() == {}


def test_arguments_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"'iterations'.*greater than or equal to 1\. Received: 0"):
        SinkhornLoss(iterations=0)
