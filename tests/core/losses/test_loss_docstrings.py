"""The examples in the docstrings run, and each loss says what a reader needs."""

from __future__ import annotations

import doctest
import inspect
from importlib import import_module

import pytest

from sinkd_plugin import losses

SECTIONS = ["Args:", "Returns:", "Raises:", "Numerics:", "Reference:", "Example:"]


@pytest.mark.parametrize("name", losses.__all__)
def test_examples_run(name: str) -> None:
    module = import_module(getattr(losses, name).__module__)
    failed, attempted = doctest.testmod(module)
    assert attempted >= 2
    assert failed == 0


@pytest.mark.parametrize("name", losses.__all__)
def test_sections(name: str) -> None:
    text = inspect.getdoc(getattr(losses, name)) or ""
    wanted = [section for section in SECTIONS if name != "SinkhornLoss" or section != "Returns:"]
    assert [section for section in wanted if section not in text] == []
