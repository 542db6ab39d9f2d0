"""The proof of one model: what PyTorch computes is found once, then every form of its export is held against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sinkd_export.convert.external import data_files
from sinkd_export.convert.recipe import Precision
from sinkd_export.convert.variants import Variant
from sinkd_export.model_folder import load_model, weight_files
from sinkd_export.prove.comparison import compared
from sinkd_export.prove.graph import graph_problems
from sinkd_export.prove.parity import Parity, parity_problems
from sinkd_export.prove.subject import subject_of
from sinkd_export.sentences import Sentences
from sinkd_export.source import Source
from sinkd_plugin.errors import SinkdError


@dataclass(frozen=True, kw_only=True)
class VariantRecord:
    """What was found of one form of a model.

    Args:
        name: ``pytorch``, ``fp32``, ``O2``, ``int8``, ….
        precision: Of its weights.
        size_bytes: Size of its graphs or weights.
        parity: Differences from PyTorch; ``None`` for PyTorch itself, and where nothing ran.
        score: The task's headline metric on its whole validation split.
        same_label: Share of that split's examples that PyTorch labels the same.
        shipped: Whether the export holds it.
        refused: Why it does not, although it was asked for.
    """

    name: str
    precision: Precision
    size_bytes: int
    parity: Parity | None
    score: float | None
    same_label: float | None
    shipped: bool = False
    refused: str | None = None


class Proof:
    """Holds what PyTorch computes, and compares variants with it.

    Args:
        source: The model to export.
        sentences: Real sentences, and the task's labelled examples if it is known.
        tolerance: Gate of the parity of float32 graphs.

    Raises:
        ModelReferenceError: If PyTorch cannot run the model, or its labels are not the task's.
        StorageError: If its weights are damaged.
    """

    def __init__(self, source: Source, sentences: Sentences, tolerance: float) -> None:
        self._trial = sentences.trial
        if self._trial is not None and source.form == "classification":
            self._trial.check_labels(source.reference, source.labels)
        self.source = source
        self.model = load_model(source.folder, source.family)
        self.subject = subject_of(source, self.model, sentences.texts)
        self._tolerance = tolerance
        self._labels = self._predicted(self.subject.expected)

    def pytorch(self) -> VariantRecord:
        """PyTorch's own record."""
        size = sum(path.stat().st_size for path in weight_files(self.source.folder))
        return VariantRecord(
            name="pytorch",
            precision="fp32",
            size_bytes=size,
            parity=None,
            score=self._score(self._labels),
            same_label=None if self._labels is None else 1.0,
        )

    def check(self, variant: Variant, opset: int) -> tuple[VariantRecord, list[str]]:
        """Judge a variant by its form, its values and its labels.

        Args:
            variant: The finished graphs.
            opset: The opset they should have.

        Returns:
            Its record, and everything that is wrong with it.
        """
        parity, problems, labels = self._run(variant, opset)
        record = VariantRecord(
            name=variant.name,
            precision=variant.precision,
            size_bytes=size_of(variant.folder),
            parity=parity,
            score=self._score(labels),
            same_label=self._same(labels),
        )
        return record, [f"{variant.name}, {problem}" for problem in problems]

    def _run(self, variant: Variant, opset: int) -> tuple[Parity | None, list[str], list[int] | None]:
        graphs = sorted(variant.folder.glob("*.onnx"))
        problems = [found for graph in graphs for found in graph_problems(graph, self.source.form, opset=opset)]
        if problems:  # whatever a graph of the wrong form computes would only hide why
            return None, problems, None
        try:
            model = self.subject.load(variant.folder)
        except SinkdError as error:
            return None, [str(error)], None
        parity, problems = self.compare(model, variant.precision)
        return parity, problems, None if problems else self._predicted(model)

    def compare(self, model: Any, precision: Precision) -> tuple[Parity | None, list[str]]:
        """Run a model on all cases.

        Args:
            model: What the subject loaded.
            precision: Of its weights; only float32 has a gate on values.

        Returns:
            The parity (``None`` if nothing ran), and everything that is wrong with it.
        """
        gate = self._tolerance if precision == "fp32" else None
        parity, problems = compared(self.subject.cases, model, gate)
        return parity, problems + ([] if parity is None else parity_problems(parity))

    def _predicted(self, model: Any) -> list[int] | None:
        return None if self._trial is None else self.subject.predicted(model, self._trial.texts)

    def _score(self, labels: Sequence[int] | None) -> float | None:
        return None if labels is None or self._trial is None else self._trial.score(labels)

    def _same(self, labels: Sequence[int] | None) -> float | None:
        if labels is None or self._labels is None:
            return None
        return sum(one == other for one, other in zip(labels, self._labels, strict=True)) / len(labels)


def size_of(folder: Path) -> int:
    """Bytes of the graphs of a folder, with their files of weights."""
    files = {file for graph in folder.rglob("*.onnx") for file in (graph, *data_files(graph))}
    return sum(file.stat().st_size for file in files)
