"""``DistillationConfig``: every way to say it, and every way to say it wrongly."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from sinkd_plugin import DistillationConfig
from sinkd_plugin.errors import ConfigError, UnknownNameError
from sinkd_plugin.losses import kl
from sinkd_plugin.losses.sinkhorn import SinkhornLoss
from sinkd_plugin.textbrewer.host import textbrewer

STUDENT = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.5], [1.0, 1.0, 3.0]])
TEACHER = torch.tensor([[1.0, 0.5, -1.0], [0.0, 3.0, 0.0], [2.0, -1.0, 1.0]])


def slot(config: Any, temperature: float = 2.0) -> float:
    """What TextBrewer's own distillers would compute in their slot."""
    return float(textbrewer().KD_LOSS_MAP[config.kd_loss_type](STUDENT, TEACHER, temperature))


def expected(weight: float, temperature: float = 2.0, **transport: Any) -> float:
    return float(kl(STUDENT, TEACHER, temperature) + weight * SinkhornLoss(**transport)(STUDENT, TEACHER))


def test_every_way_to_say_it_is_the_same() -> None:
    ways: list[dict[str, Any]] = [
        {"kd_loss_type": "sinkd"},
        {"kd_loss_type": ["sinkd", {}]},
        {"kd_loss_type": ["sinkd", {"weight": 0.8}]},
        {"kd_loss_type": "sinkd", "sinkd": {"weight": 0.8}},
        {"kd_loss_type": "kl", "sinkd": {"weight": 0.8}},
        {"kd_loss_type": "kl", "sinkd": {}},
    ]
    for way in ways:
        config = DistillationConfig(**way)
        assert slot(config) == pytest.approx(expected(0.8), rel=1e-6), way
        assert config.sinkd is not None
        assert config.sinkd.weight == 0.8
        assert config.base_kd_loss_type == "kl"


def test_a_share_takes_the_place_of_the_weight_and_survives_being_written() -> None:
    for way in ({"sinkd": {"gradient_share": 0.1}}, {"kd_loss_type": ["sinkd", {"gradient_share": 0.1}]}):
        options = DistillationConfig(**way).sinkd
        assert options is not None
        assert (options.weight, options.gradient_share) == (None, 0.1)
        again = DistillationConfig(sinkd=options.model_dump(mode="json")).sinkd
        assert again == options
    preset = DistillationConfig(sinkd={"preset": "official-code", "gradient_share": 0.1}).sinkd
    assert preset is not None
    assert (preset.weight, preset.reduction) == (None, "sum")


def test_in_textbrewers_slot_the_weighted_gradient_has_its_share() -> None:
    config = DistillationConfig(kd_loss_weight=0.5, kd_loss_type="kl", sinkd={"gradient_share": 0.25})
    student = STUDENT.clone().requires_grad_()
    total = textbrewer().KD_LOSS_MAP[config.kd_loss_type](student, TEACHER, 2.0)
    (both,) = torch.autograd.grad(total, student)
    (alone,) = torch.autograd.grad(kl(student, TEACHER, 2.0), student)
    assert (both - alone).norm().item() == pytest.approx(0.25 * alone.norm().item(), rel=1e-5)


def test_in_textbrewers_slot_nothing_can_warm_up() -> None:
    config = DistillationConfig(sinkd={"warmup": 0.1})
    with pytest.raises(ConfigError, match=r"'sinkd\.warmup' needs a distiller.*SinkhornDistiller"):
        slot(config)


def test_the_weights_of_both_terms_are_what_the_configuration_says() -> None:
    config = DistillationConfig(kd_loss_weight=0.5, kd_loss_type=["sinkd", {"weight": 0.3, "regularization": 0.05}])
    total = config.kd_loss_weight * slot(config)  # TextBrewer's own product
    wanted = 0.5 * float(kl(STUDENT, TEACHER, 2.0)) + 0.3 * float(SinkhornLoss(regularization=0.05)(STUDENT, TEACHER))
    assert total == pytest.approx(wanted, rel=1e-6)


def test_two_settings_side_by_side_do_not_disturb_each_other() -> None:
    one = DistillationConfig(kd_loss_type=["sinkd", {"iterations": 1}])
    other = DistillationConfig(kd_loss_type=["sinkd", {"temperature": 1.0}], kd_loss_weight=2)
    plain = DistillationConfig(kd_loss_type=["kl", {"scale_by_temperature_squared": True}])
    assert slot(one) == pytest.approx(expected(0.8, iterations=1), rel=1e-6)
    assert slot(other) == pytest.approx(expected(0.4, temperature=2.0) - expected(0.4) + _half(1.0), rel=1e-6)
    assert slot(plain) == pytest.approx(4 * float(kl(STUDENT, TEACHER, 2.0)), rel=1e-6)
    assert slot(DistillationConfig(kd_loss_type="kl")) == pytest.approx(float(kl(STUDENT, TEACHER, 2.0)), rel=1e-6)


def _half(temperature: float) -> float:
    return float(kl(STUDENT, TEACHER, 2.0) + 0.4 * SinkhornLoss(temperature=temperature)(STUDENT, TEACHER))


def test_the_defaults_are_textbrewers() -> None:
    ours, theirs = vars(DistillationConfig()), vars(textbrewer().DistillationConfig())
    assert {name: ours[name] for name in theirs} == theirs


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"temprature": 2}, r"Unknown key 'distillation\.temprature'\. Did you mean 'temperature'\?"),
        ({"sinkd": {"wieght": 1}}, r"Unknown key 'distillation\.sinkd\.wieght'\. Did you mean 'weight'\?"),
        ({"kd_loss_type": ["sinkd", {"wieght": 1}]}, r"Unknown key 'distillation\.kd_loss_type\.wieght'.*'weight'\?"),
        ({"kd_loss_type": ["sinkd", {"weight": 1}], "sinkd": {}}, "must stand in one place"),
        ({"sinkd": {"weight": 1, "gradient_share": 0.1}}, r"'distillation\.sinkd': give exactly one of 'weight' and"),
        ({"sinkd": {"weight": None}}, r"'distillation\.sinkd': give exactly one of 'weight' and 'gradient_share'"),
        ({"sinkd": {"gradient_share": 0}}, r"'distillation\.sinkd\.gradient_share'.*greater than 0"),
        ({"sinkd": {"warmup": 2}}, r"'distillation\.sinkd\.warmup'.*less than or equal to 1"),
        ({"sinkd": {"gradient_share": 0.1}, "kd_loss_weight": 0}, "there must be that term.*kd_loss_weight 0"),
        ({"kd_loss_type": 5}, r"'distillation\.kd_loss_type'"),
        ({"temperature": 0}, r"'distillation\.temperature'.*greater than 0"),
        ({"temperature": "hot"}, r"'distillation\.temperature'.*Received: 'hot'"),
        ({"hard_label_weight": -1}, r"'distillation\.hard_label_weight'"),
        ({"temperature_scheduler": "flsw"}, r"'flsw' needs its parameters.*\[flsw, BETA, GAMMA\]"),
        ({"intermediate_matches": [{"layer_T": 0}]}, r"'distillation\.intermediate_matches\.0\.layer_S' is required"),
        ({"intermediate_matches": 3}, r"'distillation\.intermediate_matches'"),
    ],
)
def test_wrong_values_are_named_with_their_path(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DistillationConfig(**keys)


MATCH = {"layer_T": 0, "layer_S": 0, "feature": "hidden", "loss": "hidden_mse", "weight": 1}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"kd_loss_type": "sinkhron"}, r"No loss is called 'sinkhron'\. Did you mean 'sinkhorn'\?"),
        ({"kd_loss_type": ["klx", {"a": 1}]}, "No loss is called 'klx'"),
        ({"hard_label_weight_scheduler": "linear_deca"}, r"hard label weight scheduler.*'linear_decay'\?"),
        ({"temperature_scheduler": ["flsx", 1, 2]}, r"No temperature scheduler.*'flsw'\?"),
        ({"intermediate_matches": [{**MATCH, "loss": "hiden_mse"}]}, r"No match loss.*'hidden_mse'\?"),
        ({"intermediate_matches": [{**MATCH, "feature": "hiden"}]}, r"No feature.*'hidden'\?"),
    ],
)
def test_unknown_names_suggest_the_nearest(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        DistillationConfig(**keys)


def test_known_losses_are_listed_without_our_inner_names() -> None:
    DistillationConfig(kd_loss_type=["sinkd", {"weight": 0.123}])
    with pytest.raises(UnknownNameError) as caught:
        DistillationConfig(kd_loss_type="nothing")
    assert "{" not in str(caught.value)


@pytest.mark.parametrize("none", ["none", None])
def test_schedulers_that_json_switches_off(none: str | None, tmp_path: Path) -> None:
    keys = ("temperature_scheduler", "hard_label_weight_scheduler", "kd_loss_weight_scheduler")
    file = tmp_path / "config.json"
    file.write_text(json.dumps({**dict.fromkeys(keys, none), "temperature": 8}), encoding="utf-8")
    config = DistillationConfig.from_json_file(file)
    assert [getattr(config, key) for key in keys] == [None, None, None]
    assert config.temperature == 8


def test_yaml_json_and_dict_say_the_same(tmp_path: Path) -> None:
    data = {"temperature": 3, "kd_loss_type": ["sinkd", {"weight": 0.2}], "temperature_scheduler": "constant"}
    json_file, yaml_file = tmp_path / "c.json", tmp_path / "c.yaml"
    json_file.write_text(json.dumps(data), encoding="utf-8")
    yaml_file.write_text(
        "temperature: 3\nkd_loss_type: [sinkd, {weight: 0.2}]\ntemperature_scheduler: constant\n", encoding="utf-8"
    )
    read = [DistillationConfig.from_json_file(str(json_file)), DistillationConfig.from_yaml_file(yaml_file)]
    for config in [*read, DistillationConfig.from_dict(copy.deepcopy(data))]:
        assert config.sinkd is not None
        assert (config.temperature, config.sinkd.weight) == (3, 0.2)
        assert config.kd_loss_type == read[0].kd_loss_type


@pytest.mark.parametrize(
    ("text", "message"), [("[1, 2]", "must map names to values"), ("{", "must be valid"), (None, "readable file")]
)
@pytest.mark.parametrize("read", [DistillationConfig.from_json_file, DistillationConfig.from_yaml_file])
def test_files_that_hold_no_configuration(
    read: Callable[[Path], Any], text: str | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read(file)


def test_a_temperature_that_differs_between_rows() -> None:
    config = DistillationConfig(temperature_scheduler=["flsw", 1, 2], kd_loss_type="sinkd", temperature=2)
    temperature = config.temperature_scheduler(STUDENT, TEACHER, 2)
    assert temperature.shape == (3,)
    value = textbrewer().KD_LOSS_MAP[config.kd_loss_type](STUDENT, TEACHER, temperature)
    wanted = kl(STUDENT, TEACHER, temperature) + 0.8 * SinkhornLoss()(STUDENT, TEACHER)
    assert float(value) == pytest.approx(float(wanted), rel=1e-6)
