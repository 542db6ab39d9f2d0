"""Our own architectures as records; building one imports transformers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sinkd_plugin.catalog import Entry, catalog
from sinkd_plugin.errors import ModelReferenceError
from sinkd_plugin.plugins import CORE
from sinkd_plugin.specs import Architecture, ArchitectureSpec

if TYPE_CHECKING:
    from transformers import PretrainedConfig

logger = logging.getLogger(__name__)


def architecture_specs() -> tuple[ArchitectureSpec, ...]:
    """The families that we bring."""
    return (
        ArchitectureSpec(
            name="encoder",
            summary="BERT, RoBERTa, DistilBERT, MiniLM: encoders with a classification head.",
            supports=_is_encoder,
            build=_build_encoder,
        ),
        ArchitectureSpec(
            name="encoder-decoder",
            summary="T0, T5, BART: a prompt into the encoder, an answer out of the decoder.",
            supports=_is_encoder_decoder,
            build=_build_encoder_decoder,
            prompted=True,
            pipeline="text2text-generation",
        ),
        ArchitectureSpec(
            name="decoder",
            summary="GPT-Neo, GPT-2, Llama: an answer that goes on from its prompt.",
            supports=_is_decoder,
            build=_build_decoder,
            prompted=True,
            pipeline="text-generation",
        ),
    )


def architecture_of(config: PretrainedConfig) -> ArchitectureSpec:
    """The family of a model.

    Args:
        config: The model's ``PretrainedConfig``.

    Raises:
        ModelReferenceError: If no plugin supports it.
    """
    # Our own families answer first: installing a plugin never changes what an existing configuration means
    for entry in sorted(catalog().architectures, key=lambda entry: entry.plugin != CORE):
        if _supports(entry, config):
            return entry.spec
    raise ModelReferenceError(
        "A model must belong to a known architecture.",
        received=f"model type '{config.model_type}'",
        cure=f"Known: {', '.join(catalog().architectures.names())}.",
    )


def family_of(config: PretrainedConfig, name: str = "auto") -> ArchitectureSpec:
    """The family called ``name``; ``auto`` is the model's own.

    Raises:
        UnknownNameError: If no plugin provides it.
        ModelReferenceError: If no plugin supports the model.
    """
    return architecture_of(config) if name == "auto" else catalog().architectures.get(name)


def _supports(entry: Entry[ArchitectureSpec], config: PretrainedConfig) -> bool:
    try:
        return entry.spec.supports(config)
    except Exception as error:  # a plugin's family may raise anything on a model that is not its own
        where = (entry.plugin, entry.spec.name, type(error).__name__, error)
        logger.warning("Plugin '%s': its architecture '%s' cannot tell what it supports: %s: %s", *where)
        return False


def _is_encoder(config: PretrainedConfig) -> bool:
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    )

    kind = config.model_type
    classifies = kind in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
    # BERT-like families stand in the causal table too, as decoders; being a masked language model sets them apart
    reads_both_ways = kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES or kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    return classifies and reads_both_ways and not config.is_encoder_decoder


def _is_encoder_decoder(config: PretrainedConfig) -> bool:
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES

    return bool(config.is_encoder_decoder) and config.model_type in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES


def _is_decoder(config: PretrainedConfig) -> bool:
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    kind = config.model_type
    reads_forward = kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    classifies = any(name.endswith("ForSequenceClassification") for name in config.architectures or ())
    return reads_forward and not classifies and not config.is_encoder_decoder


def _build_encoder() -> Architecture:
    from sinkd_plugin.architectures.encoder import Encoder

    return Encoder()


def _build_encoder_decoder() -> Architecture:
    from sinkd_plugin.architectures.encoder_decoder import EncoderDecoder

    return EncoderDecoder()


def _build_decoder() -> Architecture:
    from sinkd_plugin.architectures.decoder import Decoder

    return Decoder()
