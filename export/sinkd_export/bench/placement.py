"""Which provider computes which node: a session that names a provider may still compute everything on the CPU."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from sinkd_export.bench.inputs import Inputs
from sinkd_export.session import Classifier, open_session, provider_name
from sinkd_plugin.errors import StorageError
from sinkd_plugin.storage import read_json

HEAVY = frozenset(
    {
        "Attention", "DynamicQuantizeMatMul", "FusedGemm", "FusedMatMul", "Gemm", "MatMul", "MatMulInteger",
        "MatMulIntegerToFloat", "MultiHeadAttention", "QAttention", "QGemm", "QLinearMatMul", "QOrderedMatMul",
    }
)  # fmt: skip
"""Operators that take the time; shapes are computed on the CPU by any provider, rightly."""


def check_placement(graph: Path, provider: str, inputs: Inputs) -> None:
    """Run a graph once and check that its matrix products were computed by the provider.

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
    """How many matrix products each provider computed, from the record that onnxruntime keeps of a run."""
    with TemporaryDirectory(prefix="sinkd-") as folder:
        session = open_session(graph, provider=provider, profile=Path(folder) / "run")
        Classifier(session)(inputs)
        events = read_json(Path(session.end_profiling()))
    nodes = (event["args"] for event in events if event.get("cat") == "Node" and "provider" in event.get("args", {}))
    return Counter(node["provider"] for node in nodes if node["op_name"] in HEAVY)
