"""Loading through transformers, with its errors in our words and its chatter off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError
from transformers import AutoConfig, AutoTokenizer, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from sinkd_plugin.errors import DownloadError, ModelReferenceError, SinkdError

_TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
    "source.spm",
)


def load_config(folder: str) -> PretrainedConfig:
    """The model's ``PretrainedConfig``.

    Raises:
        ModelReferenceError: If there is none that transformers can read.
        DownloadError: If the hub cannot be reached.
    """
    with translated_errors(folder):
        return AutoConfig.from_pretrained(folder)


def load_tokenizer(folder: str) -> PreTrainedTokenizerBase:
    """The model's tokenizer.

    Raises:
        ModelReferenceError: If the folder has none.
        DownloadError: If the hub cannot be reached.
    """
    path = Path(folder)
    if path.is_dir() and not any((path / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelReferenceError(
            "A model folder must hold its tokenizer.",
            received=f"'{folder}' without any of {', '.join(_TOKENIZER_FILES)}",
            cure="Save it there: tokenizer.save_pretrained(folder).",
        )
    with quiet_transformers(), translated_errors(folder):
        return AutoTokenizer.from_pretrained(folder)


def check_weights(folder: str) -> None:
    """Check that a local folder holds weights that cannot run code when they are read.

    Raises:
        ModelReferenceError: If it holds no safetensors file.
    """
    path = Path(folder)
    if path.is_dir() and not any(path.glob("*.safetensors")):
        raise ModelReferenceError(
            "A model folder must hold its weights as safetensors.",
            received=f"'{folder}' without model.safetensors",
            cure="Save the model there: model.save_pretrained(folder).",
        )


def limit_length(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """Let the tokenizer cut what the model has no positions for; a tokenizer saved without its settings does not."""
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions is None:
        return
    table = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
    padding: Any = getattr(table, "padding_idx", None)
    offset = 0 if padding is None else padding + 1  # RoBERTa counts positions from behind its padding token
    tokenizer.model_max_length = min(tokenizer.model_max_length, positions - offset)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence "some weights were newly initialized", which is what a fresh head is for."""
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)


@contextmanager
def translated_errors(folder: str) -> Iterator[None]:
    """Turn the many exceptions of ``from_pretrained`` into one of ours."""
    try:
        yield
    except SinkdError:
        raise
    except Exception as error:  # tokenizers and safetensors raise types of their own, tokenizers a bare Exception
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if _names_nothing(error):
            raise ModelReferenceError(
                f"'{folder}' must be a folder here, or a public model of the hub.",
                received=reason,
                cure="Check the name.",
            ) from error
        if not Path(folder).is_dir():
            raise DownloadError(
                f"'{folder}' is no folder here, so it must be a model on the hub that can be reached.",
                received=reason,
                cure="Check the name and the network, or give a folder.",
            ) from error
        raise ModelReferenceError(
            "A model folder must be one that transformers can load.",
            received=f"'{folder}': {reason}",
            cure="Save or download the model again.",
        ) from error


def _names_nothing(error: BaseException | None) -> bool:
    """Whether the hub could be asked and knows no such model; then the network is not at fault."""
    while error is not None:
        if isinstance(error, (RepositoryNotFoundError, HFValidationError)):
            return True
        if isinstance(error, LocalEntryNotFoundError):
            return False
        error = error.__cause__
    return False
