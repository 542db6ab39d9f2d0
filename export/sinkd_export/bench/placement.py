"""Which provider computes which node: a session that names a provider may still compute everything on the CPU."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sinkd_export.bench.inputs import Inputs
from sinkd_export.bench.products import PRODUCTS
from sinkd_export.bench.profile import profile
from sinkd_export.session import provider_name
from sinkd_plugin.errors import StorageError


def check_placement(graph: Path, provider: str, inputs: Inputs) -> None:
    """Run a graph once and check that its matrix products were computed by the provider.

    Shapes are computed on the CPU by any provider, rightly.

    Args:
        graph: The ``.onnx`` file.
        provider: The provider in small letters.
        inputs: What to run it on.

    Raises:
        StorageError: If one was computed elsewhere.
    """
    wanted = provider_name(provider)
    strays = {where: count for where, count in matrix_products(graph, provider, inputs).items() if where != wanted}
    if strays:
        found = ", ".join(f"{count} on {where}" for where, count in strays.items())
        raise StorageError(
            f"{wanted} must compute every matrix product of '{graph.name}'.",
            received=found,
            cure="Choose another --form or --provider: the timing would be that of another processor.",
        )


def matrix_products(graph: Path, provider: str, inputs: Inputs) -> Counter[str]:
    """How many matrix products each provider computed."""
    return Counter(node.provider for node in profile(graph, provider, [inputs]) if node.operator in PRODUCTS)
