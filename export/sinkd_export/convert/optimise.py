"""Fusions of onnxruntime's transformer optimizer, at optimum's levels.

They are written into the file; most of them onnxruntime does itself while it loads a graph, so what is gained is
loading time and, for short inputs, some latency.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from sinkd_export.convert.external import save_graph
from sinkd_export.convert.half import to_float16
from sinkd_export.convert.recipe import OptimizationLevel
from sinkd_plugin.errors import UserError

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def optimise_graph(source: Path, into: Path, config: PretrainedConfig, level: OptimizationLevel) -> None:
    """Fuse operators.

    Optimum's own ``ORTOptimizer`` removes the weights of its input and names the new ones otherwise, so its levels
    are used, and the optimizer below it is called directly.

    Args:
        source: The graph.
        into: The file to write.
        config: The model's configuration: number of heads, width, type.
        level: Optimum's level; O4 is O3 in float16.

    Raises:
        UserError: If onnxruntime's optimizer does not know the model.
    """
    from onnxruntime.transformers.optimizer import optimize_model
    from optimum.onnxruntime.configuration import AutoOptimizationConfig
    from optimum.onnxruntime.utils import ORTConfigManager

    options = AutoOptimizationConfig.with_optimization_level("O3" if level == "O4" else level)
    try:
        model_type = ORTConfigManager.get_model_ort_type(config.model_type)
    except KeyError:
        raise UserError(
            "--optimize is for models that onnxruntime's optimizer knows.",
            received=f"'{config.model_type}'",
            cure="Leave it out: onnxruntime fuses what it can while it loads a graph.",
        ) from None
    optimised = optimize_model(
        source.as_posix(),
        model_type,
        config.num_attention_heads,
        config.hidden_size,
        opt_level=options.optimization_level,
        optimization_options=options.create_fusion_options(model_type),
        only_onnxruntime=not options.enable_transformers_specific_optimizations,
    )
    optimised.topological_sort()
    save_graph(optimised.model, into)
    if level == "O4":
        to_float16(onnx.load(into), into)
