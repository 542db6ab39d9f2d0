"""Graphs in float16, their inputs and outputs still in float32."""

from __future__ import annotations

from pathlib import Path

import onnx

from sinkd_export.convert.external import save_graph

KEPT = "/wo/MatMul"
"""T5's feed-forward layers leave the range of float16 here, so they stay in float32 (as transformers keeps them)."""


def to_float16(model: onnx.ModelProto, into: Path) -> None:
    """Convert a graph to float16, in place, and save it.

    onnxruntime's converter is used because onnxconverter-common's leaves casts of the wrong type behind.

    Args:
        model: The graph, with its weights in memory.
        into: The file to write.
    """
    from onnxruntime.transformers.optimizer import OnnxModel

    kept = [node.name for node in model.graph.node if node.name.endswith(KEPT)]
    converted = OnnxModel(model)
    # symbolic inference finds the types of fused operators, which onnx's own inference does not know
    converted.convert_float_to_float16(use_symbolic_shape_infer=True, keep_io_types=True, node_block_list=kept)
    converted.topological_sort()  # the casts of the inputs are appended behind their users
    save_graph(converted.model, into)
