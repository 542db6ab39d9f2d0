"""The forms a model is timed in: two of PyTorch, and those of onnxruntime that an export can take."""

from __future__ import annotations

from collections.abc import Sequence

from sinkd_export.convert.recipe import Recipe
from sinkd_plugin.errors import UserError

EAGER, COMPILED = "eager", "compile"
IN_PYTORCH = (EAGER, COMPILED)
REPLAYED = "cudagraph"
"""The float32 graph, recorded and replayed; on the provider cuda alone."""

RECIPES = {
    "fp32": Recipe(),
    **{level: Recipe.model_validate({"optimize": level}) for level in ("O1", "O2", "O3", "O4")},
    "int8": Recipe(quantize="int8"),
    "fp16": Recipe(quantize="fp16"),
    REPLAYED: Recipe(),
}
"""How each form of onnxruntime is made of a model."""

FORMS = (*IN_PYTORCH, *RECIPES)
ALL = (EAGER, COMPILED, "fp32", "O2", "int8", "fp16")
"""What ``all`` stands for: one level of optimisation, because the others load no faster."""


def parse_forms(text: str, providers: Sequence[str] = ("cpu",)) -> tuple[str, ...]:
    """Read ``eager,int8`` or ``all``; to all of cuda belongs the replayed graph.

    Raises:
        UserError: If a form is unknown or given twice.
    """
    if text == "all":
        return (*ALL, REPLAYED) if "cuda" in providers else ALL
    names = tuple(text.split(","))
    if set(names) - set(FORMS) or len(set(names)) < len(names):
        raise UserError(f"--form takes 'all' or different ones of {', '.join(FORMS)}.", received=f"'{text}'")
    return names
