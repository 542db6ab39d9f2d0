"""Whether a student can learn from the largest of its teacher's logits, and at which temperature."""

from __future__ import annotations

from sinkd_plugin.catalog import catalog
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.options import validate
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.textbrewer.configuration import DistillationConfig
from sinkd_plugin.textbrewer.options import DistillationOptions
from sinkd_plugin.training.compatibility import runs_at_every_step
from sinkd_plugin.training.config import RunConfig
from sinkd_plugin.training.teacher_rows import WHOLE_ROWS, RowForm


def row_form(config: RunConfig) -> RowForm:
    """What is kept of the teacher's rows for a student.

    Raises:
        ConfigError: See ``check_top_k``.
    """
    k = config.training.teacher_top_k
    return WHOLE_ROWS if k is None else RowForm(top_k=k, temperature=_temperature(config.distillation, ""))


def check_top_k(config: RunConfig, where: str) -> None:
    """Check that the mass of the logits that are not kept can be exact wherever the losses look at it.

    Args:
        config: The configuration of the student.
        where: Path of the student's keys, for messages: empty, or of a baseline with a dot behind it.

    Raises:
        ConfigError: If the teacher runs at every step, losses have several temperatures, or one compares numbers.
    """
    if config.training.teacher_top_k is None:
        return
    if runs_at_every_step(config):
        off = config.training.teacher_cache == "off"
        raise ConfigError(
            "'training.teacher_top_k' is for logits that are kept.",
            received="training.teacher_cache: off" if off else f"{where}distillation.intermediate_matches",
            cure="Leave it out.",
        )
    name, _ = _loss(config.distillation)
    if config.distillation.kd_loss_weight > 0 and name in catalog().losses and catalog().losses.get(name).for_numbers:
        raise ConfigError(
            "'training.teacher_top_k' keeps probabilities, not each logit.",
            received=f"{where}distillation.kd_loss_type: {name}, which compares logits as numbers",
            cure="Leave it out, or choose a loss between probabilities, such as kl.",
        )
    _temperature(config.distillation, where)


def _temperature(options: DistillationOptions, where: str) -> float:
    """The one temperature that all losses look at the teacher's logits at."""
    name, parameters = _loss(options)
    found = {}
    if name == "sinkhorn":
        found["kd_loss_type"] = validate(TransportOptions, parameters, "distillation.kd_loss_type").temperature
    elif options.kd_loss_weight > 0:
        found["temperature"] = options.temperature
    transport = DistillationConfig.from_options(options).sinkd
    if transport is not None:
        found["sinkd.temperature"] = transport.temperature
    scheduled = options.temperature_scheduler != "none"
    if scheduled or len(set(found.values())) > 1:
        listed = ", ".join(f"{where}distillation.{key} {value:g}" for key, value in found.items())
        raise ConfigError(
            "With 'training.teacher_top_k' the losses must look at the teacher at one temperature: the mass of the "
            "logits that are not kept is exact at one only.",
            received=f"{where}distillation.temperature_scheduler" if scheduled else listed,
            cure="Give them the same, or leave teacher_top_k out.",
        )
    return next(iter(found.values()), options.temperature)


def _loss(options: DistillationOptions) -> tuple[str, dict[str, object]]:
    loss = options.kd_loss_type
    return (loss, {}) if isinstance(loss, str) else loss
