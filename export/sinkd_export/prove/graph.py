"""The form of exported graphs: valid, named, typed, and dynamic in every axis that texts vary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from sinkd_export.convert.parts import ENCODER, MERGED_DECODER, MODEL
from sinkd_export.families import Form
from sinkd_export.prove.operators import fused_operators_known

TOKENS = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "encoder_attention_mask")
"""Inputs of one whole number a token: int64, two different dynamic axes."""

CACHE = ("past_key_values.", "present.")


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Names of a graph's inputs and outputs.

    Args:
        required: Inputs it must have.
        optional: Inputs it may have.
        outputs: Its outputs, beside those of a cache.
        cached: Whether it takes and gives keys and values.
    """

    required: frozenset[str]
    outputs: tuple[str, ...]
    optional: frozenset[str] = frozenset()
    cached: bool = False


CLASSIFIER = Signature(
    required=frozenset({"input_ids", "attention_mask"}), optional=frozenset({"token_type_ids"}), outputs=("logits",)
)

GENERATORS: Mapping[str, Signature] = {
    ENCODER: Signature(required=frozenset({"input_ids", "attention_mask"}), outputs=("last_hidden_state",)),
    MERGED_DECODER: Signature(
        required=frozenset({"input_ids", "encoder_hidden_states", "encoder_attention_mask", "use_cache_branch"}),
        outputs=("logits",),
        cached=True,
    ),
    MODEL: Signature(
        required=frozenset({"input_ids", "attention_mask", "position_ids"}), outputs=("logits",), cached=True
    ),
}


def graph_problems(path: Path, form: Form, *, opset: int) -> list[str]:
    """Everything that is wrong with the form of a graph.

    Args:
        path: The ``.onnx`` file; the checker gets its path, because a graph above 2 GB cannot be checked in memory.
        form: What it computes.
        opset: The opset it should have.
    """
    signature = CLASSIFIER if form == "classification" else GENERATORS[path.stem]
    try:
        with fused_operators_known():
            onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # the checker raises its own types, protobuf's and the file system's
        return [f"onnx.checker refuses {path.name}: {' '.join(str(error).split())[:300]}"]
    problems = [*_name_problems(model, signature), *_axis_problems(model), *_opset_problems(model, opset)]
    return [f"{path.name}: {problem}" for problem in problems]


def _name_problems(model: onnx.ModelProto, signature: Signature) -> Iterator[str]:
    inputs, cached_inputs = _names(model.graph.input)
    outputs, cached_outputs = _names(model.graph.output)
    if not signature.required <= set(inputs) <= signature.required | signature.optional:
        yield f"inputs must be {_listed(signature.required)}, not {_listed(inputs)}"
    if tuple(outputs) != signature.outputs:
        yield f"outputs must be {_listed(signature.outputs)}, not {_listed(outputs)}"
    past = {name.removeprefix(CACHE[0]) for name in cached_inputs}
    present = {name.removeprefix(CACHE[1]) for name in cached_outputs}
    if past != present or bool(past) != signature.cached:
        yield "every key and value of the cache must be an input and an output"


def _names(values: list[onnx.ValueInfoProto]) -> tuple[list[str], list[str]]:
    names = [value.name for value in values]
    cached = [name for name in names if name.startswith(CACHE)]
    return [name for name in names if name not in cached], cached


def _listed(names: object) -> str:
    return ", ".join(sorted(names)) or "none"  # type: ignore[call-overload]


def _axis_problems(model: onnx.ModelProto) -> Iterator[str]:
    batches = set()
    for value in model.graph.input:
        axes = [dimension.dim_param for dimension in value.type.tensor_type.shape.dim]
        if value.name in TOKENS:
            yield from _token_axis_problems(value, axes)
        if value.name.startswith(CACHE) and not (len(axes) == 4 and axes[0] and axes[2]):
            yield f"{value.name} must have dynamic axes for batch and length, not {axes}"
        if value.name != "use_cache_branch":
            batches.add(axes[0] if axes else "")
    if len(batches) > 1:
        yield f"all inputs must share the axis of the batch, not {sorted(batches)}"


def _token_axis_problems(value: onnx.ValueInfoProto, axes: list[str]) -> Iterator[str]:
    if value.type.tensor_type.elem_type != onnx.TensorProto.INT64:
        yield f"{value.name} must be int64"
    if len(axes) != 2 or not all(axes) or axes[0] == axes[1]:
        yield f"{value.name} must have two different dynamic axes (batch, length), not {axes}"


def _opset_problems(model: onnx.ModelProto, opset: int) -> Iterator[str]:
    found = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if found != [opset]:
        yield f"the opset must be {opset}, not {found}"
