"""The export targets of this room, and the table of every plugin's; nothing heavy is imported to list them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sinkd_export.specs import ExportTargetSpec, Runner
from sinkd_plugin.catalog import Table, table

if TYPE_CHECKING:
    from transformers import PretrainedConfig

OPSET = 18
"""The opset optimum exports BERT with by default; 14 to 23 work, and runtimes from onnxruntime 1.14 on load it."""

ENCODERS = ("albert", "bert", "distilbert", "electra", "mobilebert", "mpnet", "roberta")
"""Families whose classifiers are exported; a test exports and verifies each of them."""


def export_targets() -> Table[ExportTargetSpec]:
    """Every plugin's export targets by name."""
    return table("export target", "sinkd_export_targets")


def target_specs() -> tuple[ExportTargetSpec, ...]:
    """Our own targets."""
    from sinkd_export import triton

    return (
        ExportTargetSpec(
            name="onnx",
            summary=f"model.onnx in float32 (opset {OPSET}) for onnxruntime; encoder classifiers.",
            supports=is_encoder_classifier,
            export=_export,
            load=_load,
            inspect=_inspect,
            tolerance=1e-3,
            opset=OPSET,
        ),
        triton.SPEC,
    )


def is_encoder_classifier(config: PretrainedConfig) -> bool:
    """Whether a configuration is that of a sequence classifier of a family in ``ENCODERS``."""
    architectures = config.architectures or []
    named_classifier = any(name.endswith("ForSequenceClassification") for name in architectures)
    return named_classifier and config.model_type in ENCODERS


def _export(model_folder: Path, into: Path) -> None:
    from sinkd_export.to_onnx import export_onnx

    export_onnx(model_folder, into, opset=OPSET)


def _load(folder: Path) -> Runner:
    from sinkd_export.session import open_classifier

    return open_classifier(folder / "model.onnx")


def _inspect(folder: Path) -> Sequence[str]:
    from sinkd_export.graph import graph_problems

    return graph_problems(folder / "model.onnx", opset=OPSET)
