"""What intermediate matches compare, and which mask hides its padding.

TextBrewer knows one stack of layers, ``hidden`` and ``attention``; of an encoder-decoder that is the encoder.
"""

from __future__ import annotations

DECODER_FEATURES = ("decoder_hidden", "decoder_attention")
"""Of an encoder-decoder's second stack: other tokens, and so another mask."""

MASKS = ("inputs_mask", "decoder_inputs_mask")
"""Entries of an adaptor's results that tell tokens from padding, ``(batch, length)``."""


def mask_of(feature: str) -> str:
    """The entry that holds the mask of a feature."""
    return MASKS[feature in DECODER_FEATURES]


def is_attention(feature: str) -> bool:
    """Whether a feature is of attention, and not of hidden states."""
    return feature.endswith("attention")
