"""The weight of the transport term while a student is trained: at a share of the gradient, and warming up."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from sinkd_plugin import DistillationConfig, SinkhornDistiller
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.losses import kl
from sinkd_plugin.losses.sinkhorn import SinkhornLoss
from sinkd_plugin.textbrewer.host import textbrewer

KEYS = {"temperature": 2, "kd_loss_weight": 0.5, "hard_label_weight": 0.2, "kd_loss_type": "kl"}
SHARE = "sinkhorn_share_of_kd_gradient"
Models = tuple[Any, Any]
Batches = list[dict[str, Any]]


class Training:
    """A distiller, and what its observer heard."""

    def __init__(self, models: Models, train_config: Any, adapt: Any, scope: Any = None, **keys: Any) -> None:
        teacher, self.student = copy.deepcopy(models)
        self.heard: list[dict[str, float]] = []
        config = DistillationConfig(**{**KEYS, **keys})
        self.distiller = SinkhornDistiller(
            train_config, config, teacher, self.student, adapt, adapt, scope=scope, observer=self._hear
        )

    def _hear(self, step: int, terms: Any) -> None:
        self.heard.append(dict(terms))

    def go(self, batches: Batches, epochs: int = 1) -> list[float]:
        self.distiller.train(torch.optim.SGD(self.student.parameters(), lr=0.05), batches, num_epochs=epochs)
        return self.weights()

    def weights(self) -> list[float]:
        return [terms["weight_sinkhorn_loss"] for terms in self.heard]


@pytest.fixture
def training(models: Models, train_config: Any, adapt: Any) -> Any:
    return lambda **keys: Training(models, train_config, adapt, **keys)


def test_the_weight_holds_the_gradient_at_its_share(training: Any, models: Models, batches: Batches) -> None:
    run = training(sinkd={"gradient_share": 0.3})
    run.go(batches, epochs=2)
    first = run.heard[0]
    teacher, student = models
    with torch.no_grad():
        target = teacher(**batches[0]).logits
    logits = student(**batches[0]).logits
    terms = 0.5 * kl(logits, target, 2.0), first["weight_sinkhorn_loss"] * SinkhornLoss()(logits, target)
    lengths = [torch.autograd.grad(term, logits, retain_graph=True)[0].norm().item() for term in terms]
    assert lengths[1] == pytest.approx(0.3 * lengths[0], rel=1e-4)
    assert first[SHARE] == pytest.approx(0.3, rel=1e-6)
    assert len([terms[SHARE] for terms in run.heard]) == 6, "it is logged at every pass"
    assert any(abs(terms[SHARE] - 0.3) > 1e-3 for terms in run.heard), "the estimate remembers, so later shares differ"
    assert all(0.03 < terms[SHARE] < 3 for terms in run.heard)


def test_equal_runs_have_equal_weights_and_a_fixed_weight_has_no_share(training: Any, batches: Batches) -> None:
    runs = [training(sinkd={"gradient_share": 0.3}) for _ in range(2)]
    assert runs[0].go(batches) == runs[1].go(batches)
    fixed = training(sinkd={"weight": 0.3})
    assert fixed.go(batches) == [0.3] * 3
    assert SHARE not in fixed.heard[0]
    assert fixed.distiller.state_dict() == {"transport_weight": {}}


def test_a_resumed_training_goes_on_with_the_same_weights(training: Any, batches: Batches) -> None:
    whole = training(sinkd={"gradient_share": 0.3})
    expected = whole.go(batches, epochs=2)
    first = training(sinkd={"gradient_share": 0.3})
    begun = first.go(batches)
    second = training(sinkd={"gradient_share": 0.3})
    second.student.load_state_dict(first.student.state_dict())
    second.distiller.load_state_dict(first.distiller.state_dict())
    assert begun + second.go(batches) == expected
    assert second.distiller.state_dict() == whole.distiller.state_dict()


def test_a_share_is_one_of_the_scheduled_kd_term(training: Any, batches: Batches) -> None:
    run = training(sinkd={"gradient_share": 0.3}, kd_loss_weight_scheduler="linear_decay")
    weights = run.go(batches)
    steady = training(sinkd={"gradient_share": 0.3}).go(batches)
    assert weights[0] == pytest.approx(steady[0], rel=1e-6)
    assert weights[1] < steady[1]


@pytest.mark.parametrize("kind", [{"weight": 0.4}, {"gradient_share": 0.3}])
def test_it_warms_up_over_a_share_of_the_steps(training: Any, batches: Batches, kind: dict[str, float]) -> None:
    warming, full = training(sinkd={**kind, "warmup": 0.5}), training(sinkd=kind)
    weights, all_along = warming.go(batches, epochs=2), full.go(batches, epochs=2)
    assert weights[0] == 0
    if "weight" in kind:
        assert weights == pytest.approx([0, 0.4 / 3, 0.8 / 3, 0.4, 0.4, 0.4])
    else:
        assert 0 < weights[1] < all_along[1]
        assert warming.heard[0][SHARE] == 0
    outside, _ = warming.distiller.train_on_batch(batches[0], {})
    assert torch.isfinite(outside)
    assert next(term.weight for term in warming.distiller._terms if "sinkhorn" in term.name) > 0, "past its warm-up"


def test_it_warms_up_by_steps_and_not_by_passes(training: Any, batches: Batches, train_config: Any) -> None:
    train_config.gradient_accumulation_steps = 3
    local = training(sinkd={"weight": 0.4, "warmup": 1.0}, scope="local")
    assert local.go(batches, epochs=2) == pytest.approx([0] * 3 + [0.2] * 3)
    assert training(sinkd={"weight": 0.4, "warmup": 1.0}).go(batches, epochs=2) == pytest.approx([0, 0.2])


def test_three_micro_batches_have_the_weight_of_one_batch(training: Any, batches: Batches, train_config: Any) -> None:
    whole = {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}
    expected = training(sinkd={"gradient_share": 0.3}).go([whole], epochs=2)
    train_config.gradient_accumulation_steps = 3
    assert training(sinkd={"gradient_share": 0.3}).go(batches, epochs=2) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("keys", "state", "message"),
    [
        ({"sinkd": {"weight": 0.3}}, {"weighted_log_ratio": 1.0, "total_weight": 1.0}, "of the same configuration"),
        ({"sinkd": {"gradient_share": 0.3}}, {}, r"Received: none where \['total_weight', 'weighted_log_ratio'\]"),
        ({}, {"weighted_log_ratio": 1.0, "total_weight": 1.0}, "needs a configuration with that term"),
    ],
)
def test_a_state_of_another_configuration_is_refused(
    training: Any, keys: dict[str, Any], state: dict[str, float], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        training(**keys).distiller.load_state_dict({"transport_weight": state})
    with pytest.raises(ConfigError, match="what 'state_dict\\(\\)' returned"):
        training(**keys).distiller.load_state_dict({"weights": state})


def test_textbrewers_configuration_with_a_block_of_options(models: Models, train_config: Any, adapt: Any) -> None:
    config = textbrewer().DistillationConfig(kd_loss_type="sinkd", kd_loss_weight=0.5)
    config.sinkd = {"weight": None, "gradient_share": 0.2}
    distiller = SinkhornDistiller(train_config, config, *models, adapt, adapt)
    assert set(distiller.state_dict()["transport_weight"]) == {"weighted_log_ratio", "total_weight"}
