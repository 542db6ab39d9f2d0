"""The one operator of onnxruntime's that it puts into ONNX's own domain, told to onnx while a graph is checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from onnx import defs
from onnx.defs import OpSchema

NAME = "SimplifiedLayerNormalization"
FLOATS = ("tensor(float)", "tensor(float16)", "tensor(double)")


@contextmanager
def fused_operators_known() -> Iterator[None]:
    """Without this, onnx.checker refuses every optimised T5: its normalisation is fused into ``NAME``."""
    defs.register_schema(_schema())
    try:
        yield
    finally:
        defs.deregister_schema(NAME, 1, "")


def _schema() -> OpSchema:
    optional = OpSchema.FormalParameterOption.Optional
    return OpSchema(
        NAME,
        "",
        1,
        inputs=[OpSchema.FormalParameter("X", "T"), OpSchema.FormalParameter("scale", "T")],
        outputs=[
            OpSchema.FormalParameter("Y", "T"),
            OpSchema.FormalParameter("inverse_deviation", "T", param_option=optional),
        ],
        type_constraints=[("T", list(FLOATS), "floating point")],
        attributes=[
            OpSchema.Attribute("axis", OpSchema.AttrType.INT, "", required=False),
            OpSchema.Attribute("epsilon", OpSchema.AttrType.FLOAT, "", required=False),
            OpSchema.Attribute("stash_type", OpSchema.AttrType.INT, "", required=False),
        ],
    )
