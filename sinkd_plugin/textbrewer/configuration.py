"""``DistillationConfig``: TextBrewer's, with parametrised losses and a ``sinkd`` block."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sinkd_plugin.catalog import catalog
from sinkd_plugin.documents import parse_json, parse_yaml
from sinkd_plugin.errors import ConfigError, unknown_name
from sinkd_plugin.options import validate
from sinkd_plugin.ot.options import SinkdOptions
from sinkd_plugin.specs import KdLoss
from sinkd_plugin.textbrewer.combined import CombinedLoss
from sinkd_plugin.textbrewer.host import textbrewer
from sinkd_plugin.textbrewer.options import DistillationOptions, MatchOptions

_host = textbrewer()
TRANSPORT = "sinkd"
"""The loss name that stands for KL plus the transport term."""


class DistillationConfig(_host.DistillationConfig):  # type: ignore[misc, name-defined]
    """TextBrewer's ``DistillationConfig`` with every standard key, and two more ways to say SinKD.

    ``kd_loss_type=["sinkd", {"weight": 0.8, "regularization": 0.05}]`` or the block ``sinkd={"weight": 0.8}`` beside
    any ``kd_loss_type``. The total loss is then, in our distiller and in TextBrewer's own,

        ``L = hard_label_weight * CE + kd_loss_weight * KD + sinkd.weight * SD``

    where ``sinkd.gradient_share`` in place of ``sinkd.weight`` lets the weight follow the gradients of both terms.

    Args:
        **keys: TextBrewer's keys, and ``sinkd``.

    Attributes:
        base_kd_loss_type: Name of the KD term without the transport term; what ``SinkhornDistiller`` uses.
        sinkd: ``SinkdOptions`` of the transport term, or ``None``.
        kd_loss_type: Name under which a stock distiller finds both terms together.

    Raises:
        ConfigError: If a key is unknown or has a value outside its range.
        UnknownNameError: If no loss has the name.

    Example:
        >>> DistillationConfig(temperature=2, kd_loss_weight=0.9, kd_loss_type="kl", sinkd={"weight": 0.8}).sinkd.weight
        0.8
    """

    def __init__(self, **keys: Any) -> None:
        options = validate(DistillationOptions, keys, "distillation")
        name, parameters = _name_and_parameters(options.kd_loss_type)
        transport = _transport(name, parameters, options.sinkd)
        if transport is not None and transport.gradient_share is not None and options.kd_loss_weight == 0:
            raise ConfigError(
                "'distillation.sinkd.gradient_share' is a share of the KD term's gradient, so there must be that term.",
                received="kd_loss_weight 0",
                cure="Raise distillation.kd_loss_weight, or give sinkd.weight instead.",
            )
        base = "kl" if name == TRANSPORT else _registered(name, parameters)
        super().__init__(**_stock_keys(options))
        self.base_kd_loss_type = base
        self.sinkd = transport
        self.kd_loss_type = base if transport is None else _registered_with_transport(base, transport, self)

    @classmethod
    def from_dict(cls, dict_object: Mapping[str, Any]) -> DistillationConfig:
        """Build it from plain data."""
        return cls(**validate_mapping(dict_object))

    @classmethod
    def from_options(cls, options: DistillationOptions) -> DistillationConfig:
        """Build it from the ``distillation`` block of a run's configuration."""
        return cls(**options.model_dump())

    @classmethod
    def from_json_file(cls, json_filename: str | Path) -> DistillationConfig:
        """Build it from a JSON file."""
        return cls.from_dict(_parsed(json_filename, parse_json))

    @classmethod
    def from_yaml_file(cls, yaml_filename: str | Path) -> DistillationConfig:
        """Build it from a YAML file."""
        return cls.from_dict(_parsed(yaml_filename, parse_yaml))


def _parsed(filename: str | Path, parse: Callable[[str, str], Any]) -> Any:
    try:
        text = Path(filename).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"'{filename}' must be a readable file with a distillation configuration.",
            received=" ".join(str(error).split()),
        ) from error
    return parse(text, str(filename))


def validate_mapping(data: Any) -> dict[str, Any]:
    """``data`` as keyword arguments.

    Raises:
        ConfigError: If it is no mapping with names as keys.
    """
    if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
        raise ConfigError("A distillation configuration must map names to values.", received=repr(data))
    return dict(data)


def _name_and_parameters(loss: str | tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    return (loss, {}) if isinstance(loss, str) else loss


def _transport(name: str, parameters: dict[str, Any], block: SinkdOptions | None) -> SinkdOptions | None:
    if name != TRANSPORT:
        return block
    if block is not None and parameters:
        raise ConfigError(
            "The options of 'sinkd' must stand in one place.",
            received="both distillation.kd_loss_type and distillation.sinkd",
            cure="Keep the block distillation.sinkd.",
        )
    return block or validate(SinkdOptions, parameters, "distillation.kd_loss_type")


def _registered(name: str, parameters: dict[str, Any]) -> str:
    """The key of a loss in TextBrewer's table; a parametrised one gets a key of its own, so that two never mix."""
    if not parameters and name in _host.KD_LOSS_MAP:
        return name
    spec = catalog().losses.get(name)
    if spec.slot != "kd_loss":
        raise ConfigError(
            "'distillation.kd_loss_type' must be a loss between logits.",
            received=f"'{name}', which compares hidden states",
            cure="Name it as the 'loss' of an entry in distillation.intermediate_matches.",
        )
    options = validate(spec.options, parameters, "distillation.kd_loss_type")
    key = f"{name} {options.model_dump_json()}"
    _host.KD_LOSS_MAP[key] = spec.build(options)
    return key


def _registered_with_transport(base: str, transport: SinkdOptions, config: DistillationConfig) -> str:
    """A key for KD and transport together, for distillers that know one KD term, scaled by ``kd_loss_weight``."""
    key = f"{base} + {TRANSPORT} {transport.model_dump_json()} / {config.kd_loss_weight}"
    base_loss: KdLoss = _host.KD_LOSS_MAP[base]
    _host.KD_LOSS_MAP[key] = CombinedLoss(base_loss, transport, config.kd_loss_weight)
    return key


def _stock_keys(options: DistillationOptions) -> dict[str, Any]:
    keys = {name: getattr(options, name) for name in DistillationOptions.model_fields if name != "sinkd"}
    keys["kd_loss_type"] = "ce"  # replaced once the name is resolved
    keys["intermediate_matches"] = [_checked_match(match) for match in options.intermediate_matches]
    for name, known in _SCHEDULERS.items():
        keys[name] = _checked_scheduler(name, keys[name], known)
    return keys


_SCHEDULERS = {
    "temperature_scheduler": _host.TEMPERATURE_SCHEDULER.store,
    "hard_label_weight_scheduler": _host.WEIGHT_SCHEDULER,
    "kd_loss_weight_scheduler": _host.WEIGHT_SCHEDULER,
}


_PARAMETRISED = {"flsw": "[flsw, BETA, GAMMA]", "cwsm": "[cwsm, BETA]"}


def _checked_scheduler(key: str, value: str | tuple[Any, ...], known: Mapping[str, Any]) -> str | tuple[Any, ...]:
    name = value if isinstance(value, str) else str(value[0])
    if name == "none":
        return sys.intern(name)  # TextBrewer compares by identity, which text from a JSON file fails
    if name not in known:
        raise unknown_name(key.replace("_", " "), name, [*known, "none"])
    if name in _PARAMETRISED and isinstance(value, str):
        raise ConfigError(
            f"'distillation.{key}': '{name}' needs its parameters.",
            received=f"'{name}'",
            cure=f"Write {_PARAMETRISED[name]}.",
        )
    return value


def _registered_match(name: str, parameters: dict[str, Any]) -> str:
    """The key of a match loss in TextBrewer's table; a parametrised one gets a key of its own, after its name."""
    if name not in _host.MATCH_LOSS_MAP:
        raise unknown_name("match loss", name, _host.MATCH_LOSS_MAP)
    if not parameters:
        return name
    if name not in catalog().losses.names():
        raise ConfigError(f"The match loss '{name}' has no options.", received=repr(parameters))
    spec = catalog().losses.get(name)
    options = validate(spec.options, parameters, "distillation.intermediate_matches")
    key = f"{name} {options.model_dump_json()}"
    _host.MATCH_LOSS_MAP[key] = spec.build(options)
    return key


def _checked_match(match: MatchOptions) -> dict[str, Any]:
    loss = _registered_match(*_name_and_parameters(match.loss))
    if match.feature not in _host.FEATURES:
        raise unknown_name("feature", match.feature, _host.FEATURES)
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in match.model_dump().items()}
    return {**plain, "loss": loss}
