"""Models with random weights, described by their configuration alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import CONFIG_MAPPING, AutoConfig, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from sinkd_plugin.errors import ConfigError, nearest

_SPECIAL_TOKENS = ("pad_token_id", "bos_token_id", "eos_token_id")


def described_config(
    settings: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, **defaults: Any
) -> PretrainedConfig:
    """The configuration of a model that is not there yet.

    Args:
        settings: ``model_type`` and any key of that type's configuration.
        tokenizer: Gives the size of the vocabulary and the special tokens, where the settings do not.
        defaults: More keys for what the settings leave out.

    Raises:
        ConfigError: If the type or a key is unknown, or the type refuses the values.
    """
    kind, values = (
        str(settings.get("model_type")),
        {name: value for name, value in settings.items() if name != "model_type"},
    )
    if kind not in CONFIG_MAPPING:
        guess = nearest(kind, CONFIG_MAPPING.keys())
        raise ConfigError(
            "'from_config.model_type' must be a model type of Transformers, such as bert, t5 or gpt_neo.",
            received=f"'{kind}'",
            cure=f"Did you mean '{guess}'?" if guess else "",
        )
    _check_keys(kind, values)
    tokens = {name: getattr(tokenizer, name) for name in _SPECIAL_TOKENS if getattr(tokenizer, name) is not None}
    try:
        return AutoConfig.for_model(kind, **{"vocab_size": len(tokenizer), **tokens, **defaults, **values})
    except (ValueError, TypeError) as error:
        raise _refused(settings, error) from error


def built(auto_class: Any, config: PretrainedConfig, settings: Mapping[str, Any]) -> PreTrainedModel:
    """The model of a configuration, with weights drawn from torch's random state.

    Raises:
        ConfigError: If the sizes do not fit each other, or the type has no model of this class.
    """
    try:
        return auto_class.from_config(config)
    except (ValueError, TypeError, RuntimeError, AssertionError, ZeroDivisionError) as error:
        raise _refused(settings, error) from error


def _check_keys(kind: str, values: Mapping[str, Any]) -> None:
    default = AutoConfig.for_model(kind)
    known = sorted({*default.to_dict(), *default.attribute_map} - {"model_type"})
    for name in values:
        if name not in known:
            guess = nearest(name, known)
            raise ConfigError(
                f"'from_config' must name keys of a configuration of type '{kind}'.",
                received=f"'{name}'",
                cure=f"Did you mean '{guess}'?" if guess else "See the type's page in Transformers' documentation.",
            )


def _refused(settings: Mapping[str, Any], error: Exception) -> ConfigError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return ConfigError(
        "'from_config' must describe a model that Transformers can build.", received=f"{dict(settings)}: {reason}"
    )
