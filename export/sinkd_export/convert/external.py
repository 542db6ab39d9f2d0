"""Weights that lie beside a graph in files of their own, found by reading the graph and never by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
from onnx.external_data_helper import set_external_data, uses_external_data

SUFFIX = "_data"
SMALLEST = 1024
"""Bytes; smaller tensors stay in the graph, since shapes and scales must be readable without the other file."""


def data_files(graph: Path) -> tuple[Path, ...]:
    """The files beside ``graph`` that hold weights of it, in the order of their names."""
    model = onnx.load(graph, load_external_data=False)
    names = {_location(tensor) for tensor in _tensors(model.graph) if uses_external_data(tensor)}
    return tuple(graph.parent / name for name in sorted(names))


def save_graph(model: onnx.ModelProto, path: Path, *, external: bool = False) -> None:
    """Save a graph whose weights are in memory, beside one file of weights if it is above 2 GB or ``external``.

    Args:
        model: The graph.
        path: The ``.onnx`` file.
        external: Keep the weights in a file of their own whatever their size.
    """
    if external or model.ByteSize() >= onnx.checker.MAXIMUM_PROTOBUF:
        name = path.name + SUFFIX
        (path.parent / name).unlink(missing_ok=True)  # onnx would append to it
        onnx.save(
            model, path, save_as_external_data=True, location=name, size_threshold=SMALLEST, convert_attribute=False
        )
    else:
        onnx.save(model, path)


def with_weights_aside(model: onnx.ModelProto, change: Callable[[onnx.ModelProto], onnx.ModelProto]) -> onnx.ModelProto:
    """Change a graph's nodes; its weights are neither copied nor looked at meanwhile.

    Args:
        model: The graph, with its weights in memory or elsewhere; what is in memory is moved to the result.
        change: Makes another graph, which keeps the names of the weights.
    """
    aside = {}
    for tensor in model.graph.initializer:
        if len(tensor.raw_data) > SMALLEST:
            aside[tensor.name] = tensor.raw_data
            set_external_data(tensor, location="aside")
            tensor.ClearField("raw_data")
    changed = change(model)
    for tensor in changed.graph.initializer:
        if tensor.name in aside:
            tensor.raw_data = aside.pop(tensor.name)
            tensor.ClearField("external_data")
            tensor.ClearField("data_location")
    return changed


def move_graph(graph: Path, to: Path) -> None:
    """Rename a graph together with its files of weights, so that it finds them under its new name."""
    files = data_files(graph)
    if not files:
        graph.rename(to)
        return
    model = onnx.load(graph, load_external_data=False)
    names = {file.name: f"{to.name}{SUFFIX}{index or ''}" for index, file in enumerate(files)}
    for tensor in _tensors(model.graph):
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = names[entry.value]
    for file in files:
        file.rename(to.parent / names[file.name])
    onnx.save(model, to)
    graph.unlink()


def _location(tensor: onnx.TensorProto) -> str:
    return str(next(entry.value for entry in tensor.external_data if entry.key == "location"))


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every weight and constant, those inside branches included."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)
