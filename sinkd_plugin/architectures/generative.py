"""Loading models that answer in words, whole and fit for training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin.architectures.loading import (
    check_weights,
    limit_length,
    load_tokenizer,
    quiet_transformers,
    translated_errors,
)
from sinkd_plugin.errors import ModelReferenceError


def load_generative(
    auto_class: Any, folder: str, *, needs_head: bool, dtype: torch.dtype | None, device_map: str | None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a model with a language-modelling head, and its tokenizer.

    Args:
        auto_class: One of Transformers' ``AutoModelFor…``.
        folder: A Transformers folder or a hub id.
        needs_head: Whether a head without weights of its own is an error, as it is where nothing will train it.
        dtype: Of the weights; ``None``: float32.
        device_map: For accelerate; ``None``: on the CPU.

    Raises:
        ModelReferenceError: If the folder has no tokenizer, no safetensors weights, no head where one is needed, or a
            tokenizer with more tokens than the model has embeddings.
        DownloadError: If the hub cannot be reached.
    """
    tokenizer = load_tokenizer(folder)
    check_weights(folder)
    with quiet_transformers(), translated_errors(folder):
        model, found = auto_class.from_pretrained(
            folder,
            use_safetensors=True,
            output_loading_info=True,
            dtype=dtype or torch.float32,
            device_map=device_map,
        )
    missing = sorted(found["missing_keys"])
    if needs_head and missing:
        raise ModelReferenceError(
            "A model that is used as it is needs weights for all of its layers.",
            received=f"'{folder}' without {', '.join(missing[:3])}",
            cure="Fine-tune it first (teacher.finetune in the configuration of `sinkd distill`).",
        )
    _check_vocabulary(folder, model, tokenizer)
    complete(model, tokenizer, folder)
    return model, tokenizer


def complete(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: str = "the tokenizer") -> None:
    """Give model and tokenizer the special tokens that batches and generation need.

    GPT-2 and its relatives have no padding token; masks hide what is padded, so the end token will do.

    Raises:
        ModelReferenceError: If there is neither.
    """
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise ModelReferenceError(
                "A tokenizer must have a padding token or an end token.",
                received=f"'{folder}' with neither",
                cure="Set tokenizer.pad_token, and save it there again.",
            )
        tokenizer.pad_token = tokenizer.eos_token
    for settings in filter(None, (model.config, model.generation_config)):
        if settings.pad_token_id is None:
            settings.pad_token_id = tokenizer.pad_token_id
    if model.config.is_encoder_decoder and model.config.decoder_start_token_id is None:
        model.config.decoder_start_token_id = tokenizer.pad_token_id  # T5's habit
        model.generation_config.decoder_start_token_id = tokenizer.pad_token_id
    limit_length(tokenizer, model)


def vocabulary(tokenizer: PreTrainedTokenizerBase) -> Sequence[str]:
    """The token of each number, up to the largest one; empty where a tokenizer leaves a number out."""
    tokens = {number: token for token, number in tokenizer.get_vocab().items()}
    return tuple(tokens.get(number, "") for number in range(max(tokens) + 1))


def _check_vocabulary(folder: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    rows = model.get_input_embeddings().num_embeddings
    if len(vocabulary(tokenizer)) > rows:
        raise ModelReferenceError(
            "A model must have an embedding for each token of its tokenizer.",
            received=f"'{folder}' with {len(vocabulary(tokenizer))} tokens and {rows} embeddings",
            cure="Save the model after model.resize_token_embeddings(len(tokenizer)).",
        )
