"""The record of an export target: light to import, so that listing targets loads no framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sinkd_export.families import Form
from sinkd_plugin.errors import PluginError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from transformers import PretrainedConfig

    from sinkd_export.layout import Layout
    from sinkd_export.source import Source


class Runner(Protocol):
    """A loaded model that computes logits.

    ``inputs`` holds int64 arrays ``(batch, length)`` by name (``input_ids``, ``attention_mask``, perhaps
    ``token_type_ids``); a runner takes those it knows. Returns float32 logits ``(batch, labels)``.
    """

    def __call__(self, inputs: Mapping[str, NDArray[np.int64]], /) -> NDArray[np.float32]:
        """Compute the logits."""
        ...


def no_problems(_folder: Path) -> Sequence[str]:
    """The inspection of a target that has nothing to inspect beyond its values."""
    return ()


@dataclass(frozen=True, kw_only=True)
class ExportTargetSpec:
    """A form that a student can be exported to; the exporter verifies whatever a target writes.

    A target either writes a form of its own (``export``), or arranges the ONNX graphs that the exporter has made,
    verified and put into the folder (``arrange``); only then is there a choice of opset, optimisation and precision.

    Args:
        name: What ``sinkd export --target`` says.
        summary: One line for ``sinkd list targets``.
        supports: Whether a model of this ``PretrainedConfig`` can be exported.
        load: Opens a classifier of the finished folder.
        tolerance: Largest accepted difference of a logit from PyTorch's, relative to the range of all logits.
        export: Writes the artefact of the model folder (first argument) into an empty folder (second argument);
            configuration, tokenizer, card and report are added by the exporter.
        arrange: Puts a folder of ONNX graphs, configuration, tokenizer and card into the target's order, in place.
        inspect: Names everything that is wrong with the form of the finished folder.
        forms: What models of this target may compute.
        layouts: Where its graphs may lie, for a target that arranges them: ``flat``, ``transformers.js``.
        usage: How the finished folder (second argument) of a model is run, in Markdown for its card; without it the
            card names the target alone.
    """

    name: str
    summary: str
    supports: Callable[[PretrainedConfig], bool]
    load: Callable[[Path], Runner]
    tolerance: float
    export: Callable[[Path, Path], None] | None = None
    arrange: Callable[[Path], None] | None = None
    inspect: Callable[[Path], Sequence[str]] = no_problems
    forms: tuple[Form, ...] = ("classification",)
    layouts: tuple[Layout, ...] = ("flat",)
    usage: Callable[[Source, Path], str] | None = None

    def __post_init__(self) -> None:
        if (self.export is None) == (self.arrange is None):
            raise PluginError(f"The export target '{self.name}' must have one of `export` and `arrange`.")
