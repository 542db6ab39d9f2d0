"""From an exporter's graphs to those that are shipped: sizes written out, tied weights joined, steps merged."""

from __future__ import annotations

from pathlib import Path

import onnx

from sinkd_export.convert.external import SUFFIX, data_files, save_graph, with_weights_aside
from sinkd_export.convert.parts import FIRST_STEP, LATER_STEPS, MERGED_DECODER, Parts
from sinkd_export.convert.sizes import write_out_sizes
from sinkd_export.convert.tied import join_tied_weights


def finish(source: Path, into: Path, parts: Parts, *, external: bool = False) -> None:
    """Write the graphs that an export holds.

    Args:
        source: Folder of the graphs that the exporter made, perhaps optimised or quantised since.
        into: The folder to write into.
        parts: Names of both.
        external: Keep weights in files of their own.
    """
    for name in parts.converted:
        graph = with_weights_aside(onnx.load(source / f"{name}.onnx"), write_out_sizes)
        join_tied_weights(graph.graph)
        save_graph(graph, into / f"{name}.onnx")
    if MERGED_DECODER in parts.shipped:
        _merge_decoders(into)
    for name in parts.shipped if external else ():
        path = into / f"{name}.onnx"
        save_graph(onnx.load(path), path, external=True)


def _merge_decoders(folder: Path) -> None:
    """One graph for the first step and the later ones; the later ones do not give the encoder's keys and values."""
    from optimum.onnx import merge_decoders

    first, later, merged = (folder / f"{name}.onnx" for name in (FIRST_STEP, LATER_STEPS, MERGED_DECODER))
    steps = [file for graph in (first, later) for file in (graph, *data_files(graph))]
    large = len(steps) > 2
    if large:
        merged.with_name(merged.name + SUFFIX).touch()  # tells optimum to keep the weights out of the graph again
    merge_decoders(first, later, save_path=merged, strict=False)
    save_graph(_name_by_position(onnx.load(merged)), merged, external=large)
    for file in steps:
        file.unlink()


def _name_by_position(merged: onnx.ModelProto) -> onnx.ModelProto:
    """Optimum names a shared weight after any of its users, taken from a set: another one in another process."""
    names = {tensor.name: f"shared_{number}" for number, tensor in enumerate(merged.graph.initializer)}
    for tensor in merged.graph.initializer:
        tensor.name = names[tensor.name]
    for branch in (attribute.g for node in merged.graph.node for attribute in node.attribute):
        for node in branch.node:
            node.input[:] = [names.get(name, name) for name in node.input]
    return merged
