"""The export target ``triton``: a model repository for NVIDIA's Triton Inference Server.

``student/config.pbtxt``, ``student/labels.txt`` and ``student/1/model.onnx``; the tokenizer stays at the root, where
Triton looks at no files, for the clients who make the ids. The fields are those of Triton's ``ModelConfig``
(model_config.proto of triton-inference-server/common).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sinkd_export.families import TOLERANCE, can_be_onnx
from sinkd_export.labels import read_labels
from sinkd_export.specs import ExportTargetSpec, Runner

if TYPE_CHECKING:
    import onnx

    from sinkd_export.source import Source

MODEL = "student"
"""Name of the model in its repository, and so of its folder."""

GRAPH = f"{MODEL}/1/model.onnx"
MAX_BATCH = 64
MAX_WAIT_MICROSECONDS = 2000

LABELS = '\n    label_filename: "labels.txt"'

DATA_TYPES = {1: "TYPE_FP32", 7: "TYPE_INT64", 10: "TYPE_FP16"}
"""Triton's names of ONNX's element types; no classifier has others."""

_CONFIG = """\
# Served by: tritonserver --model-repository=THE_FOLDER_ABOVE
name: "{name}"
backend: "onnxruntime"
max_batch_size: {max_batch}
{tensors}
# Only requests of one length are computed together: let clients pad to a multiple of 16 or so.
dynamic_batching {{
  max_queue_delay_microseconds: {wait}
}}
parameters {{
  key: "intra_op_thread_count"
  value {{ string_value: "1" }}
}}
"""

_TENSOR = """\
{kind} [
  {{
    name: "{name}"
    data_type: {data_type}
    dims: [ {dims} ]{labels}
  }}
]"""


def arrange(folder: Path) -> None:
    """Put an exported folder in place into the order of a model repository.

    Args:
        folder: Holds ``model.onnx``, perhaps with its weights in a file beside it, and ``config.json``.
    """
    import onnx

    graph = onnx.load(folder / "model.onnx", load_external_data=False).graph
    version = (folder / GRAPH).parent
    version.mkdir(parents=True)
    for file in sorted(folder.glob("model.onnx*")):
        file.rename(version / file.name)
    labels = [" ".join(label.split()) for label in read_labels(folder)]  # one on each line
    (folder / MODEL / "labels.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
    (folder / MODEL / "config.pbtxt").write_text(config_text(graph, len(labels)), encoding="utf-8")


def config_text(graph: onnx.GraphProto, labels: int) -> str:
    """The ``config.pbtxt`` of a classifier; the batch axis is Triton's and stands in no dims.

    Args:
        graph: The graph, for the names and types of its inputs and outputs.
        labels: Number of labels.
    """
    tensors = [_tensor("input", value, "-1") for value in graph.input]
    tensors += [_tensor("output", value, str(labels), LABELS) for value in graph.output]
    return _CONFIG.format(name=MODEL, max_batch=MAX_BATCH, wait=MAX_WAIT_MICROSECONDS, tensors="\n".join(tensors))


def _tensor(kind: str, value: onnx.ValueInfoProto, dims: str, labels: str = "") -> str:
    data_type = DATA_TYPES[value.type.tensor_type.elem_type]
    return _TENSOR.format(kind=kind, name=value.name, data_type=data_type, dims=dims, labels=labels)


def load(folder: Path) -> Runner:
    """Open the graph as Triton's backend would, with onnxruntime."""
    from sinkd_export.session import open_classifier

    return open_classifier(folder / GRAPH)


def _usage(source: Source, folder: Path) -> str:
    from sinkd_export.triton_client import triton_usage

    return triton_usage(source, folder)


SPEC = ExportTargetSpec(
    name="triton",
    summary="A model repository for Triton Inference Server, with dynamic batching and labels; classifiers.",
    supports=can_be_onnx,
    arrange=arrange,
    load=load,
    tolerance=TOLERANCE,
    usage=_usage,
)
