"""How generative models write: sampling, beams, and where a text ends."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import GenerationConfig, PreTrainedModel

from sinkd_plugin.specs import Decoding


def generation_settings(
    model: PreTrainedModel, decoding: Decoding, longest: int, tokens: Sequence[str]
) -> GenerationConfig:
    """Settings for ``generate`` that say everything: nothing is taken from what the model's authors preferred.

    A folder's ``generation_config.json`` may hold sampling settings, a shortest length or a ban on repetition, with
    which a sample would no longer be one of the model's distribution.

    Args:
        model: For its special tokens.
        decoding: How to write.
        longest: Most tokens to write.
        tokens: What it may write; entries that fill its vocabulary up behind them are no tokens.
    """
    sampling = {"temperature": decoding.temperature, "top_k": decoding.top_k, "top_p": decoding.top_p}
    own = model.generation_config
    return GenerationConfig(
        max_new_tokens=longest,
        do_sample=decoding.sample,
        num_beams=decoding.beams,
        num_return_sequences=decoding.per_example,
        pad_token_id=own.pad_token_id,
        eos_token_id=own.eos_token_id,
        bos_token_id=own.bos_token_id,
        decoder_start_token_id=own.decoder_start_token_id,
        suppress_tokens=list(range(len(tokens), model.get_output_embeddings().weight.shape[0])) or None,
        **(sampling if decoding.sample else {}),
    )


def until_end(tokens: Sequence[int], end: Sequence[int]) -> list[int]:
    """Tokens up to the first one that ends a text, that one included; behind it there is only padding.

    Args:
        tokens: What was written.
        end: Tokens of which each ends a text.
    """
    places = [place for place, token in enumerate(tokens) if token in end]
    return list(tokens[: places[0] + 1] if places else tokens)
