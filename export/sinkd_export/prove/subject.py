"""How a model under proof is run: in PyTorch and from a folder of graphs, on cases and on a task's texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sinkd_export.asking import AskedModel
from sinkd_export.language_model import LanguageModel, open_language_model
from sinkd_export.prove.cases import classifier_cases
from sinkd_export.prove.comparison import Case
from sinkd_export.prove.deployed import deployed
from sinkd_export.prove.generator_cases import generator_cases
from sinkd_export.prove.ranking import RankedModel
from sinkd_export.session import open_classifier
from sinkd_export.source import Source
from sinkd_export.specs import Runner
from sinkd_export.torch_runner import TorchClassifier
from sinkd_export.trial import Text

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Subject(Protocol):
    """A model under proof."""

    @property
    def expected(self) -> Any:
        """It in PyTorch."""
        ...

    @property
    def cases(self) -> Sequence[Case]:
        """What it is tried on, with what PyTorch makes of it."""
        ...

    def load(self, folder: Path) -> Any:
        """It from a folder of graphs."""
        ...

    def predicted(self, model: Any, texts: Sequence[Text]) -> list[int] | None:
        """Labels of texts, or ``None`` where a model cannot be asked for them."""
        ...


class ClassifierSubject:
    """A classifier: batches of token ids to logits."""

    def __init__(self, source: Source, expected: Runner, texts: Sequence[Text]) -> None:
        self._deployed = deployed(source)
        self.expected = expected
        self.cases = classifier_cases(source, texts, expected)

    def load(self, folder: Path) -> Runner:
        """The graph ``model.onnx``."""
        return open_classifier(folder / "model.onnx")

    def predicted(self, model: Runner, texts: Sequence[Text]) -> list[int]:
        """The labels that it gives where it is deployed."""
        return self._deployed.predicted(model, texts)


class GeneratorSubject:
    """A generative model: next-token logits, whole and from its cache."""

    def __init__(self, source: Source, expected: LanguageModel, texts: Sequence[Text]) -> None:
        self._source = source
        self.expected = expected
        self.cases = generator_cases(source, texts, expected)

    def load(self, folder: Path) -> LanguageModel:
        """The graphs of encoder and decoder, or of the decoder alone."""
        return open_language_model(folder, self._source.config, self._source.known_family)

    def predicted(self, model: LanguageModel, texts: Sequence[Text]) -> list[int] | None:
        """The labels whose answers it finds most probable; none where nobody knows what to ask it."""
        ranking = self._source.ranking
        if ranking is None:
            return None
        ranked = RankedModel(model, self._source.known_family, ranking)
        return deployed(self._source).predicted(ranked, texts)


def subject_of(source: Source, model: PreTrainedModel, texts: Sequence[Text]) -> Subject:
    """The subject of a source, by what its export computes."""
    if source.asked is not None:
        return ClassifierSubject(source, AskedModel(model, source.asked.reader), texts)
    if source.form == "classification":
        return ClassifierSubject(source, TorchClassifier(model), texts)
    return GeneratorSubject(source, LanguageModel(model, source.known_family), texts)
