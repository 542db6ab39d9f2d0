"""The export targets of this room, and the table of every plugin's; nothing heavy is imported to list them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sinkd_export.families import TOLERANCE, can_be_onnx
from sinkd_export.specs import ExportTargetSpec, Runner
from sinkd_plugin.catalog import Table, table

if TYPE_CHECKING:
    from sinkd_export.source import Source


def export_targets() -> Table[ExportTargetSpec]:
    """Every plugin's export targets by name."""
    return table("export target", "sinkd_export_targets")


def target_specs() -> tuple[ExportTargetSpec, ...]:
    """Our own targets."""
    from sinkd_export import triton

    return (
        ExportTargetSpec(
            name="onnx",
            summary="ONNX graphs for onnxruntime: encoder classifiers, T5 and BART, GPT-Neo and GPT-2.",
            supports=can_be_onnx,
            arrange=_as_it_is,
            load=_load,
            tolerance=TOLERANCE,
            forms=("classification", "generation"),
            layouts=("flat", "transformers.js"),
            usage=_usage,
        ),
        triton.SPEC,
    )


def _usage(source: Source, folder: Path) -> str:
    from sinkd_export.usage import onnx_usage

    return onnx_usage(source, folder)


def _as_it_is(_folder: Path) -> None:
    """The exporter's own order."""


def _load(folder: Path) -> Runner:
    from sinkd_export.session import open_classifier

    flat = folder / "model.onnx"
    return open_classifier(flat if flat.is_file() else folder / "onnx" / "model.onnx")
