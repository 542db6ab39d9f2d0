"""How a graph is made: operator set, optimisation, precision, and what the precision may cost."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sinkd_plugin.options import Options

OPSET = 18
"""The opset optimum exports with by default; runtimes from onnxruntime 1.14 on load it."""

OLDEST_OPSET, NEWEST_OPSET = 14, 20
"""Scaled dot-product attention needs 14; torch's tracing exporter knows no more than 20."""

FUSING_OPSET = 17
"""The first with LayerNormalization, which the optimizer's fusions write."""

TOLERANCE = 0.01
"""What a lower precision may cost by default: one hundredth of the task's headline metric, in absolute terms."""

OptimizationLevel = Literal["O1", "O2", "O3", "O4"]
Quantization = Literal["int8", "fp16"]
Precision = Literal["fp32", "fp16", "int8"]


class Recipe(Options):
    """Options of a conversion.

    Args:
        opset: Version of the ONNX operator set.
        optimize: Fusions to write into the file: O1 are onnxruntime's basic ones, O2 adds those of attention and
            normalisation, O3 an approximate GELU, O4 stores weights in float16. From O2 on only onnxruntime runs them.
        quantize: ``int8`` weights and activations of matrix products, or ``fp16`` everywhere.
        static: Fix the ranges of activations beforehand, on texts of the task's training split, instead of finding
            them in each call (int8 only).
        per_channel: One scale for each output of a matrix product instead of one for all.
        tolerance: Largest loss of the task's headline metric at which a lower precision is kept.
        external_data: Keep the weights in files of their own, as graphs above 2 GB must.
    """

    opset: int = Field(default=OPSET, ge=OLDEST_OPSET, le=NEWEST_OPSET)
    optimize: OptimizationLevel | None = None
    quantize: Quantization | None = None
    static: bool = False
    per_channel: bool = True
    tolerance: float = Field(default=TOLERANCE, ge=0, le=1)
    external_data: bool = False

    @model_validator(mode="after")
    def _fused_into_what_there_is(self) -> Recipe:
        if self.optimize in ("O2", "O3", "O4") and self.opset < FUSING_OPSET:
            raise ValueError(
                f"optimize '{self.optimize}' fuses into LayerNormalization, which opset {self.opset} does not have: "
                f"leave it out, or choose opset {FUSING_OPSET} or newer"
            )
        return self

    @model_validator(mode="after")
    def _quantised_once(self) -> Recipe:
        if self.optimize == "O4" and self.quantize is not None:
            raise ValueError(
                f"optimize 'O4' stores weights in float16 already: it cannot be quantised to {self.quantize} as well"
            )
        if self.static and self.quantize != "int8":
            raise ValueError("static ranges belong to quantize 'int8'")
        return self
