"""One table in the file where a model has one: the output layer's matrix is the embedding table, transposed.

Optimum joins them only where the table is a plain ``Embedding`` (BART's is not) and accelerate is installed, and else
writes both without a word. Here they are found by what is in them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import onnx
from onnx import numpy_helper

FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)


def join_tied_weights(graph: onnx.GraphProto) -> None:
    """Drop every float matrix that is another one transposed, and compute it from that one instead.

    onnxruntime folds the transposition when it loads the graph, so that it costs nothing later. Matrices in int8 are
    left alone: the two have scales of their own, and a shared table would be dequantised in every step.

    Args:
        graph: The graph, changed in place.
    """
    tables = {_digest(table): table.name for table in _read_by(graph, "Gather")}
    for matrix in list(_read_by(graph, "MatMul")):
        table = tables.get(_digest_transposed(matrix))
        if table is None:
            continue
        graph.initializer.remove(matrix)
        node = onnx.helper.make_node("Transpose", [table], [matrix.name], name=f"{matrix.name}/tied", perm=[1, 0])
        graph.node.insert(0, node)


def _read_by(graph: onnx.GraphProto, operator: str) -> Iterable[onnx.TensorProto]:
    """The float matrices that nodes of one kind read."""
    names = {name for node in graph.node if node.op_type == operator for name in node.input}
    return [
        tensor
        for tensor in graph.initializer
        if tensor.name in names and len(tensor.dims) == 2 and tensor.data_type in FLOATS
    ]


def _digest(matrix: onnx.TensorProto) -> bytes:
    return _digest_of(numpy_helper.to_array(matrix))


def _digest_transposed(matrix: onnx.TensorProto) -> bytes:
    return _digest_of(np.ascontiguousarray(numpy_helper.to_array(matrix).T))


def _digest_of(values: np.ndarray) -> bytes:
    return hashlib.sha256(repr((values.shape, values.dtype)).encode() + values.tobytes()).digest()
