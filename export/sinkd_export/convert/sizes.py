"""Sizes that are the same for every input, written out instead of asked for in each call.

The exporter reads the number of heads and their width off tensors at run time, even where they are fixed; onnxruntime
computes them again in each call, which at 16 tokens is a tenth of its time.
"""

from __future__ import annotations

from collections.abc import Collection
from math import prod

import numpy as np
import onnx
import onnx_ir as ir
from onnx_ir.convenience import get_const_tensor, replace_all_uses_with
from onnx_ir.passes.common import RemoveUnusedNodesPass


def write_out_sizes(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with fixed sizes written out.

    Args:
        graph: Any graph of a transformer; its weights may lie elsewhere.
    """
    written = ir.to_proto(written_out(inferred(graph)))
    del written.graph.value_info[:]
    return written


def inferred(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with what is known of the shapes of its tensors."""
    return onnx.shape_inference.infer_shapes(graph, data_prop=True)


def written_out(graph: onnx.ModelProto, names: Collection[str] | None = None) -> ir.Model:
    """The graph without asking for the shapes of some tensors.

    Args:
        graph: The graph, from ``inferred``.
        names: The tensors; by default all.
    """
    model: ir.Model = ir.from_proto(graph)
    for node in model.graph:
        output = node.outputs[0]
        if node.op_type == "Reshape" and (names is None or output.name in names) and _asks_for_sizes(node):
            sizes = [0, 0, *fixed_sizes(output, 2, None)]  # a zero copies the size of the input
            node.replace_input_with(1, constant(model.graph, f"{output.name}, sizes", sizes))
        elif node.op_type == "Slice" and (sizes := _sliced_sizes(node, names)):
            replace_all_uses_with(output, constant(model.graph, f"{output.name}, written out", sizes))
    RemoveUnusedNodesPass()(model)
    return model


def divides_rows_only(node: ir.Node) -> bool:
    """Whether a reshape only divides otherwise what lies behind two axes; that it keeps them, the proof has to show."""
    if node.attributes.get_int("allowzero", 0):
        return False
    one, other = fixed_sizes(input_of(node, 0), 2, None), fixed_sizes(node.outputs[0], 2, None)
    return bool(one) and bool(other) and prod(one) == prod(other)


def fixed_sizes(value: ir.Value, start: int, end: int | None) -> list[int]:
    """Some sizes of a tensor if they are the same for every input; else none."""
    sizes = [] if value.shape is None else list(value.shape)[start:end]
    fixed = [size for size in sizes if isinstance(size, int)]
    return fixed if len(fixed) == len(sizes) else []


def constant(graph: ir.Graph, name: str, numbers: list[int]) -> ir.Value:
    """A new vector of whole numbers."""
    tensor = ir.tensor(np.asarray(numbers, np.int64), name=name)
    value = ir.Value(
        name=name, type=ir.TensorType(ir.DataType.INT64), shape=ir.Shape([len(numbers)]), const_value=tensor
    )
    graph.register_initializer(value)
    return value


def number_of(value: ir.Value) -> int | None:
    """A constant that is one number."""
    tensor = get_const_tensor(value)
    return int(tensor.numpy().item()) if tensor is not None and tensor.size == 1 else None


def input_of(node: ir.Node, position: int) -> ir.Value:
    """An input that its operator cannot do without."""
    value = node.inputs[position]
    if value is None:
        raise TypeError(f"{node.op_type} has no input {position}")
    return value


def _asks_for_sizes(node: ir.Node) -> bool:
    return get_const_tensor(input_of(node, 1)) is None and divides_rows_only(node)


def _sliced_sizes(node: ir.Node, names: Collection[str] | None) -> list[int]:
    """What a slice takes of a tensor's shape, if it is the same for every input."""
    source = input_of(node, 0).producer()
    if source is None or source.op_type != "Shape" or source.attributes or len(node.inputs) != 3:
        return []
    if names is not None and input_of(source, 0).name not in names:
        return []
    start, end = (number_of(input_of(node, position)) for position in (1, 2))
    return [] if start is None or end is None else fixed_sizes(input_of(source, 0), start, end)
