"""The architecture ``acme_gpt2``: GPT-2 as a classifier that reads its last token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sinkd_plugin.catalog import catalog
from sinkd_plugin.errors import ModelReferenceError
from sinkd_plugin.specs import Architecture, ArchitectureSpec, LayerChoice, Question, Reader

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


class Gpt2:
    """An encoder in all but one thing: to find the last token of a padded row, the model must know the padding."""

    def __init__(self) -> None:
        self._encoder: Architecture = catalog().architectures.get("encoder").build()

    def load(
        self, folder: str, labels: Sequence[str], **settings: Any
    ) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        model, tokenizer = self._encoder.load(folder, labels, **settings)
        if tokenizer.pad_token_id is None:
            raise ModelReferenceError(
                "A GPT-2 classifier needs a tokenizer with a padding token.",
                received=f"'{folder}', whose tokenizer has none",
                cure="Set tokenizer.pad_token, and save it there again.",
            )
        model.config.pad_token_id = tokenizer.pad_token_id
        return model, tokenizer

    def fresh(
        self, settings: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, labels: Sequence[str]
    ) -> PreTrainedModel:
        return self._encoder.fresh(settings, tokenizer, labels)

    def train_tokenizer(self, texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerBase:
        return self._encoder.train_tokenizer(texts, vocabulary)

    def check_layers(self, config: PretrainedConfig, layers: LayerChoice, where: str) -> None:
        self._encoder.check_layers(config, layers, where)

    def student_from_layers(self, teacher: PreTrainedModel, layers: LayerChoice) -> PreTrainedModel:
        return self._encoder.student_from_layers(teacher, layers)

    def reader(self, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, question: Question) -> Reader:
        return self._encoder.reader(config, tokenizer, question)


def supports(config: PretrainedConfig) -> bool:
    return bool(config.model_type == "gpt2")


SPEC = ArchitectureSpec(
    name="acme_gpt2",
    summary="GPT-2 with a classification head on its last token.",
    supports=supports,
    build=Gpt2,
)
