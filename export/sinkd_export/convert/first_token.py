"""The last layer of an encoder classifier, computed for the first token alone.

A classifier reads one row of its last layer; every other row of it is computed for nothing: queries, what they attend
to, the feed-forward part. Neither optimum nor onnxruntime leaves them out. Keys and values of all tokens stay, so the
logits are the same; of a model of ``n`` layers about ``0.8 / n`` of the products are saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import onnx
import onnx_ir as ir
from onnx_ir.convenience import get_const_tensor

from sinkd_export.convert.sizes import constant, divides_rows_only, inferred, input_of, number_of, written_out

ROW_BY_ROW = frozenset({"Cast", "Erf", "Gelu", "Identity", "Neg", "Relu", "Sigmoid", "Sqrt", "Tanh"})
BROADCASTING = frozenset({"Add", "Div", "Max", "Min", "Mul", "Pow", "Sub", "Where"})
OVER_THE_LAST_AXIS = frozenset({"LayerNormalization", "Softmax"})

Rows: TypeAlias = "dict[ir.Value, int]"
"""Tensors of which one row is enough: the first along this axis."""


def keep_first_token(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Narrow what comes after the last layer's keys and values to the first token.

    Operators whose rows do not depend on each other are narrowed; before any other one, and of a tensor that somebody
    else needs whole, the first row is taken.

    Args:
        graph: A classifier's graph; its weights may lie elsewhere.

    Returns:
        The narrower graph; the same, if its logits do not come from the first token alone.
    """
    known = inferred(graph)
    reached = {node.outputs[0].name or "" for node in _narrowed(written_out(known))[1]}
    if not reached:
        return graph
    model = written_out(known, reached)  # the other layers stay as onnxruntime's optimizer knows them
    wanted, narrowed = _narrowed(model)
    for value, axis in wanted.items():
        if value.producer() not in narrowed:
            _cut(model.graph, value, axis, narrowed)
    narrower = ir.to_proto(model)
    del narrower.graph.value_info[:]  # they tell the shapes from before
    return narrower


def _narrowed(model: ir.Model) -> tuple[Rows, list[ir.Node]]:
    """Tensors of which one row is enough, and the nodes, last ones first, that can compute just that row."""
    chosen = [node for node in model.graph if _is_first_token(node)]
    if len(chosen) != 1:
        return {}, []
    wanted: Rows = {input_of(chosen[0], 0): 1}
    narrowed: list[ir.Node] = []
    for node in reversed(model.graph):
        output = node.outputs[0]
        if output not in wanted or any(use.node not in (*chosen, *narrowed) for use in output.uses()):
            continue
        needed = _needed(node, wanted[output])
        if needed and all(wanted.get(value, axis) == axis for value, axis in needed.items()):
            wanted.update(needed)
            narrowed.append(node)
    return wanted, narrowed


def _needed(node: ir.Node, axis: int) -> Rows | None:
    """The row of each input that is enough for one row of the output along ``axis``; ``None`` if there is none."""
    values = [value for value in (*node.inputs, node.outputs[0]) if value is not None]
    if any(value.shape is None for value in values):
        return None
    first, rank = values[0], _rank(node.outputs[0])
    if node.op_type in ROW_BY_ROW or (
        node.op_type in OVER_THE_LAST_AXIS and axis < rank - 1 and _over_last(node, rank)
    ):
        return {first: axis}
    if node.op_type == "ReduceMean" and axis < rank - 1 and _means_rows(node):  # of a normalisation before opset 17
        return {first: axis}
    if node.op_type in BROADCASTING:
        return dict(_broadcast(node, axis - rank))
    if node.op_type == "MatMul" and axis == rank - 2 == _rank(first) - 2:
        return {first: axis}
    if node.op_type == "Transpose":
        return {first: node.attributes["perm"].as_ints()[axis]}
    if node.op_type == "Reshape" and axis == 1 and divides_rows_only(node):
        return {first: axis}
    return None


def _broadcast(node: ir.Node, from_the_end: int) -> Iterator[tuple[ir.Value, int]]:
    """Axes are aligned at their ends; what lacks the axis, or is the same for all rows along it, stays as it is."""
    for value in node.inputs:
        shape = () if value is None or value.shape is None else tuple(value.shape)
        if value is not None and len(shape) >= -from_the_end and shape[from_the_end] != 1:
            yield value, len(shape) + from_the_end


def _cut(graph: ir.Graph, value: ir.Value, axis: int, narrowed: list[ir.Node]) -> None:
    """Take the first row of a tensor for those that need no more."""
    bounds = [
        constant(graph, f"{value.name}, {name}", [number]) for name, number in (("from", 0), ("to", 1), ("axis", axis))
    ]
    row = ir.node("Slice", [value, *bounds], name=f"{value.name}, first row")
    row.outputs[0].name = f"{value.name}, first row"
    producer = value.producer()
    if producer is None:
        graph.insert_before(graph[0], row)
    else:
        graph.insert_after(producer, row)
    for node in narrowed:
        for position, given in enumerate(node.inputs):
            if given is value:
                node.replace_input_with(position, row.outputs[0])


def _is_first_token(node: ir.Node) -> bool:
    """Whether it takes the first row of each example."""
    if node.op_type != "Gather" or node.attributes.get_int("axis", 0) != 1:
        return False
    index = get_const_tensor(input_of(node, 1))
    return index is not None and tuple(index.shape) == () and number_of(input_of(node, 1)) == 0


def _means_rows(node: ir.Node) -> bool:
    """Whether it takes the mean over the last axis alone, and keeps it; from opset 18 on the axes are an input."""
    axes = node.attributes.get("axes")
    written = (
        list(axes.as_ints()) if axes is not None else [number_of(input_of(node, 1)) if len(node.inputs) > 1 else None]
    )
    return written == [-1] and node.attributes.get_int("keepdims", 1) == 1


def _over_last(node: ir.Node, rank: int) -> bool:
    return node.attributes.get_int("axis", -1) in (-1, rank - 1)


def _rank(value: ir.Value) -> int:
    return 0 if value.shape is None else len(value.shape)
