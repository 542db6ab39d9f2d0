"""Where the graphs of an export lie: beside the configuration, or as transformers.js looks for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sinkd_export.convert.external import move_graph
from sinkd_export.convert.variants import Variant
from sinkd_export.graph_file import SUFFIXES

Layout = Literal["flat", "transformers.js"]


def place(variants: Sequence[Variant], into: Path, layout: Layout) -> tuple[str, ...]:
    """Move finished graphs to where they belong, and tell the names of the variants that are shipped.

    Args:
        variants: Those that are kept, the one to ship last.
        into: The folder of the export.
        layout: ``flat`` holds the last one alone: one precision a folder, because readers tell graphs by their names.
            ``transformers.js`` keeps one of each precision under ``onnx/``, told apart by suffixes.
    """
    if layout == "flat":
        _move(variants[-1], into, suffix="")
        return (variants[-1].name,)
    (into / "onnx").mkdir()
    latest = {variant.precision: variant for variant in variants}
    for precision, variant in latest.items():
        _move(variant, into / "onnx", SUFFIXES[precision])
    return tuple(variant.name for variant in latest.values())


def _move(variant: Variant, into: Path, suffix: str) -> None:
    for graph in sorted(variant.folder.glob("*.onnx")):
        move_graph(graph, into / f"{graph.stem}{suffix}.onnx")
