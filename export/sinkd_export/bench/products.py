"""The matrix products of a graph, counted on what it computes in one run."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path

from sinkd_export.bench.flops import Work, total
from sinkd_export.bench.inputs import Inputs
from sinkd_export.bench.profile import Ran, profile

PLAIN = frozenset(
    {
        "DynamicQuantizeMatMul", "FusedGemm", "FusedMatMul", "Gemm", "MatMul", "MatMulInteger", "MatMulIntegerToFloat",
        "QGemm", "QLinearMatMul", "QOrderedMatMul",
    }
)  # fmt: skip
"""Operators of one product."""

WITH_PROJECTIONS = frozenset({"Attention", "QAttention"})
"""Operators that make queries, keys and values of their first input, and attend."""

ATTENDING = frozenset({"MultiHeadAttention"})
"""Operators that attend with the queries, keys and values they are given."""

PRODUCTS = PLAIN | WITH_PROJECTIONS | ATTENDING


def work_of_graph(graph: Path, batches: Sequence[Inputs]) -> Work:
    """The matrix products of a classifier's graph for some batches.

    Args:
        graph: The ``.onnx`` file.
        batches: The batches.
    """
    return total((_work(node), 1) for node in profile(graph, "cpu", batches) if node.operator in PRODUCTS)


def _work(node: Ran) -> Work:
    first, made = node.given[0], node.made[0]
    if node.operator in WITH_PROJECTIONS:
        batch, length, width = first
        rows = batch * length
        return Work(weights=2 * rows * width * 3 * made[-1], attention=4 * rows * length * made[-1])
    if node.operator in ATTENDING:
        keys = node.given[1][1] if len(node.given) > 1 else first[1]
        return Work(weights=0, attention=4 * prod(made) * keys)
    operations = 2 * prod(made) * first[-1]
    of_activations = len(node.given) > 1 and len(node.given[1]) > 2  # weights and biases have no more than two axes
    return Work(weights=0, attention=operations) if of_activations else Work(weights=operations, attention=0)
