"""All forms of one model that an export compares: plain, optimised, in a lower precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from sinkd_export.convert.finish import finish
from sinkd_export.convert.half import to_float16
from sinkd_export.convert.optimise import optimise_graph
from sinkd_export.convert.parts import Parts
from sinkd_export.convert.quantise import Calibration, quantise_dynamically, quantise_statically
from sinkd_export.convert.recipe import Precision, Recipe
from sinkd_export.quiet import quiet_export

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Finished graphs in one precision.

    Args:
        name: What reports call it: ``fp32``, ``O2``, ``int8``, ``O2 + int8``, ….
        precision: Of its weights.
        folder: Holds the graphs and the model's configuration.
    """

    name: str
    precision: Precision
    folder: Path


def variants(
    converted: Path,
    into: Path,
    parts: Parts,
    model: PreTrainedModel,
    recipe: Recipe,
    calibration: Callable[[], Calibration],
) -> Iterator[Variant]:
    """Make each form that the recipe asks for, plain float32 first and the one to ship last.

    Args:
        converted: Folder of the exporter's graphs, tied weights apart.
        into: A folder for the results, one below it for each; it is made.
        parts: Names of the graphs.
        model: The model they were made of.
        recipe: What to make of them.
        calibration: Inputs to find static ranges on; called only if they are wanted.
    """
    kitchen = _Kitchen(into=into, parts=parts, model=model, recipe=recipe)
    yield kitchen.finished("fp32", "fp32", converted)
    source, prefix = converted, ""
    level = recipe.optimize
    if level is not None:
        source = kitchen.each(source, "optimised", lambda graph, to: optimise_graph(graph, to, model.config, level))
        prefix = f"{level} + "
        yield kitchen.finished(level, "fp16" if level == "O4" else "fp32", source)
    if recipe.quantize == "fp16":
        source = kitchen.each(source, "half", lambda graph, to: to_float16(onnx.load(graph), to))
        yield kitchen.finished(f"{prefix}fp16", "fp16", source)
    if recipe.quantize == "int8":
        source = kitchen.each(source, "quantised", _quantiser(recipe, calibration))
        yield kitchen.finished(f"{prefix}int8", "int8", source)


@dataclass(frozen=True, kw_only=True)
class _Kitchen:
    """What every variant of one model is made with."""

    into: Path
    parts: Parts
    model: PreTrainedModel
    recipe: Recipe

    def finished(self, name: str, precision: Precision, source: Path) -> Variant:
        folder = self.into / f"finished {name}"
        folder.mkdir(parents=True)
        with quiet_export():
            finish(source, folder, self.parts, external=self.recipe.external_data)
        self.model.config.save_pretrained(folder)  # optimum opens no folder without
        return Variant(name=name, precision=precision, folder=folder)

    def each(self, source: Path, into: str, change: Callable[[Path, Path], None]) -> Path:
        """Change every graph of a folder, into another folder."""
        (self.into / into).mkdir(parents=True)
        with quiet_export():
            for name in self.parts.converted:
                change(source / f"{name}.onnx", self.into / into / f"{name}.onnx")
        return self.into / into


def _quantiser(recipe: Recipe, calibration: Callable[[], Calibration]) -> Callable[[Path, Path], None]:
    def quantise(graph: Path, into: Path) -> None:
        if recipe.static:
            quantise_statically(graph, into, calibration(), per_channel=recipe.per_channel)
        else:
            quantise_dynamically(graph, into, per_channel=recipe.per_channel)

    return quantise
