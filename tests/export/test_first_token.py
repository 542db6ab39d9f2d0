"""A classifier's last layer is computed for the token that is read, and the logits stay what they were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx.reference
import pytest
from onnx import TensorProto, helper

from sinkd_export.bench.flops import work_of
from sinkd_export.bench.options import Shape
from sinkd_export.bench.products import work_of_graph
from sinkd_export.convert import exporter
from sinkd_export.convert.first_token import keep_first_token
from sinkd_export.convert.parts import parts_of
from sinkd_export.families import MODEL_TYPES
from sinkd_export.model_folder import load_model
from sinkd_export.session import open_classifier
from sinkd_export.torch_runner import TorchClassifier

LAYERS = 2


def some_inputs(rows: int, length: int) -> dict[str, np.ndarray]:
    """Token ids with padding of different lengths."""
    draws = np.random.default_rng(rows * length)
    ids, mask = draws.integers(5, 50, (rows, length)), np.ones((rows, length), np.int64)
    for row in range(rows):
        mask[row, length - row % length :] = 0
    return {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": ids * 0}


def whole_rows(rows: int, length: int) -> dict[str, np.ndarray]:
    inputs = some_inputs(rows, length)
    return {**inputs, "attention_mask": np.ones_like(inputs["attention_mask"])}


@pytest.fixture(scope="module", params=MODEL_TYPES["encoder"])
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, save_classifier: Callable[..., Path]
) -> Path:
    folder = tmp_path_factory.mktemp("models") / request.param
    return save_classifier(folder, request.param, num_hidden_layers=LAYERS)


@pytest.fixture(scope="module", params=[14, 18])
def graph(model: Path, request: pytest.FixtureRequest) -> Path:
    """Before opset 17 a normalisation is written out in its parts."""
    into = model.parent / f"{model.name} in onnx {request.param}"
    exporter.convert_to_onnx(model, into, parts_of("encoder", "classification"), opset=request.param)
    return into / "model.onnx"


def test_every_encoder_computes_less_than_in_pytorch(model: Path, graph: Path) -> None:
    shape = Shape(batch=4, length=32)
    whole, kept = work_of(model, shape), work_of_graph(graph, [whole_rows(shape.batch, shape.length)])
    assert whole is not None
    assert kept.weights < whole.weights * (1 - 0.6 / LAYERS)
    assert kept.attention < whole.attention * (1 - 0.9 / LAYERS)


def test_the_logits_are_those_of_pytorch(model: Path, graph: Path) -> None:
    onnx.checker.check_model(graph, full_check=True)
    narrow, whole = open_classifier(graph), TorchClassifier(load_model(model))
    for rows, length in ((1, 1), (1, 9), (5, 2), (7, 33)):
        inputs = some_inputs(rows, length)
        np.testing.assert_allclose(narrow(inputs), whole(inputs), atol=2e-5, rtol=1e-4)


def test_the_same_model_gives_the_same_graph(model: Path, graph: Path, tmp_path: Path) -> None:
    opset = int(graph.parent.name.split()[-1])
    exporter.convert_to_onnx(model, tmp_path / "again", parts_of("encoder", "classification"), opset=opset)
    assert (tmp_path / "again" / "model.onnx").read_bytes() == graph.read_bytes()


def test_what_is_needed_whole_is_computed_whole() -> None:
    """``x`` is summed over its rows as well as read at its first: only what comes after it is narrowed."""
    nodes = [
        helper.make_node("Tanh", ["input"], ["x"]),
        helper.make_node("ReduceSum", ["x", "rows"], ["sum"], keepdims=0),
        helper.make_node("Sigmoid", ["x"], ["y"]),
        helper.make_node("Gather", ["y", "zero"], ["first"], axis=1),
        helper.make_node("Add", ["first", "sum"], ["logits"]),
    ]
    constants = [
        helper.make_tensor("rows", TensorProto.INT64, [1], [1]),
        helper.make_tensor("zero", TensorProto.INT64, [], [0]),
    ]
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", "length", 4])
    made = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4])
    model = helper.make_model(
        helper.make_graph(nodes, "model", [given], [made], constants),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=8,
    )
    values = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
    expected = onnx.reference.ReferenceEvaluator(model).run(None, {"input": values})[0]
    narrow = keep_first_token(model)
    order = [node.op_type for node in narrow.graph.node]
    assert order == ["Tanh", "Slice", "ReduceSum", "Sigmoid", "Gather", "Add"]
    np.testing.assert_array_equal(onnx.reference.ReferenceEvaluator(narrow).run(None, {"input": values})[0], expected)


def test_a_graph_that_reads_all_tokens_stays_as_it_is() -> None:
    nodes = [
        helper.make_node("Tanh", ["input"], ["x"]),
        helper.make_node("ReduceMean", ["x", "rows"], ["logits"], keepdims=0),
    ]
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", "length", 4])
    made = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4])
    rows = helper.make_tensor("rows", TensorProto.INT64, [1], [1])
    model = helper.make_model(helper.make_graph(nodes, "model", [given], [made], [rows]))
    assert keep_first_token(model) is model
