"""The form of an exported classifier graph: valid, named, typed, and dynamic in batch and length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx

KNOWN_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})
REQUIRED_INPUTS = frozenset({"input_ids", "attention_mask"})


def graph_problems(path: Path, *, opset: int) -> list[str]:
    """Everything that is wrong with the form of a classifier graph.

    Args:
        path: The ``.onnx`` file; the checker gets its path, because a graph above 2 GB cannot be checked in memory.
        opset: The opset it should have.
    """
    try:
        onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # the checker raises its own types, protobuf's and the file system's
        return [f"onnx.checker refuses the graph: {' '.join(str(error).split())[:300]}"]
    return [*_name_problems(model), *_axis_problems(model), *_opset_problems(model, opset)]


def _name_problems(model: onnx.ModelProto) -> Iterator[str]:
    inputs = {value.name for value in model.graph.input}
    outputs = [value.name for value in model.graph.output]
    if not REQUIRED_INPUTS <= inputs <= KNOWN_INPUTS:
        yield f"inputs must be input_ids, attention_mask and perhaps token_type_ids, not {sorted(inputs)}"
    if outputs != ["logits"]:
        yield f"the only output must be logits, not {outputs}"


def _axis_problems(model: onnx.ModelProto) -> Iterator[str]:
    axes_of_inputs = set()
    for value in model.graph.input:
        axes = [dimension.dim_param for dimension in value.type.tensor_type.shape.dim]
        axes_of_inputs.add(tuple(axes))
        if value.type.tensor_type.elem_type != onnx.TensorProto.INT64:
            yield f"{value.name} must be int64"
        if len(axes) != 2 or not all(axes) or axes[0] == axes[1]:
            yield f"{value.name} must have two different dynamic axes (batch, length), not {axes}"
    if len(axes_of_inputs) > 1:
        yield f"all inputs must share their axes, not {sorted(axes_of_inputs)}"


def _opset_problems(model: onnx.ModelProto, opset: int) -> Iterator[str]:
    found = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if found != [opset]:
        yield f"the opset must be {opset}, not {found}"
