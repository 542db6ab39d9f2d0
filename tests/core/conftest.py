"""What tests of the core share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", params=["torch", "numba"])
def each_engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run a module's tests with PyTorch's operations, and once more with compiled loops."""
    if request.param == "numba":
        pytest.importorskip("numba", reason="the extra [fast] is not installed")
    from sinkd_plugin.ot.engine import use_engine

    with use_engine(request.param):
        yield request.param
