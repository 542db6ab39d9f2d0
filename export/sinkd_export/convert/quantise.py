"""Graphs in int8: weights fixed, activations measured in each call or fixed beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

OPERATORS = ("MatMul", "Gather", "Attention", "EmbedLayerNormalization")
"""What is quantised: matrix products and embedding tables, alone or fused; Gemm becomes MatMul before that."""

STATIC_OPERATORS = ("MatMul",)
"""Fused operators have no static form on the CPU; of embeddings only the table is quantised, as in each call."""

UNKNOWN_TYPE = {"DefaultTensorType": onnx.TensorProto.FLOAT}
"""onnx cannot infer the types behind fused operators; without this the quantizer refuses the graph."""

Calibration = Iterable[Mapping[str, NDArray[np.int64]]]


def quantise_dynamically(source: Path, into: Path, *, per_channel: bool, external: bool = False) -> None:
    """Quantise weights to int8, activations in each call.

    Args:
        source: The graph; tied weights must stand apart, or the table is dequantised in every step.
        into: The file to write.
        per_channel: One scale for each output of a matrix product.
        external: Keep the weights in a file of their own.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        source,
        into,
        op_types_to_quantize=list(OPERATORS),
        per_channel=per_channel,
        weight_type=QuantType.QInt8,
        use_external_data_format=external,
        extra_options={**UNKNOWN_TYPE, "MatMulConstBOnly": True},
    )


def quantise_statically(
    source: Path, into: Path, calibration: Calibration, *, per_channel: bool, external: bool = False
) -> None:
    """Quantise weights to int8, and activations to ranges seen on ``calibration``.

    Args:
        source: The graph of a classifier.
        into: The file to write.
        calibration: Inputs like those the model will get.
        per_channel: One scale for each output of a matrix product.
        external: Keep the weights in a file of their own.
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_dynamic,
        quantize_static,
    )

    names = {value.name for value in onnx.load(source, load_external_data=False).graph.input}

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = iter(calibration)

        def get_next(self) -> dict[str, NDArray[np.int64]] | None:
            batch = next(self._batches, None)
            return None if batch is None else {name: batch[name] for name in names}

    with_tables = into.with_name(f"{into.stem} with quantised tables.onnx")
    quantize_dynamic(
        source,
        with_tables,
        op_types_to_quantize=["Gather"],
        weight_type=QuantType.QInt8,
        extra_options=dict(UNKNOWN_TYPE),
    )
    quantize_static(
        with_tables,
        into,
        Reader(),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(STATIC_OPERATORS),
        per_channel=per_channel,
        weight_type=QuantType.QInt8,
        activation_type=QuantType.QUInt8,
        use_external_data_format=external,
        extra_options={**UNKNOWN_TYPE, "MatMulConstBOnly": True},
    )
