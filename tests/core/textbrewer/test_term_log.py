"""What the log says of each term, against the same numbers computed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from sinkd_plugin import DistillationConfig
from sinkd_plugin.losses import SinkhornLoss, kl
from sinkd_plugin.textbrewer import GeneralDistiller, MultiTeacherDistiller, SinkhornDistiller
from sinkd_plugin.textbrewer.host import textbrewer

WEIGHTS = {"temperature": 2, "hard_label_weight": 0.2, "kd_loss_weight": 0.5, "kd_loss_type": "kl"}
Models = tuple[Any, Any]
Batches = list[dict[str, Any]]


def heard_by(
    kind: Any, config: Any, models: Models, batches: Batches, train_config: Any, adapt: Any, **options: Any
) -> list[dict[str, float]]:
    teacher, student = models
    heard: list[dict[str, float]] = []
    teachers = [teacher, teacher] if kind is MultiTeacherDistiller else teacher
    observer = {"observer": lambda step, terms: heard.append(dict(terms)), **options}
    distiller = kind(train_config, config, teachers, student, adapt, adapt, **observer)
    distiller.train(torch.optim.SGD(student.parameters(), lr=0.0), batches, num_epochs=1)
    return heard


@pytest.mark.parametrize("kind", [GeneralDistiller, SinkhornDistiller, MultiTeacherDistiller])
def test_values_weights_shares_and_plans(
    kind: Any, models: Models, batches: Batches, train_config: Any, adapt: Any
) -> None:
    config = DistillationConfig(**WEIGHTS, sinkd={"weight": 0.3, "regularization": 0.2})
    heard = heard_by(kind, config, models, batches, train_config, adapt, figures_every=2)
    first = heard[0]
    weights = {name: value for name, value in first.items() if name.startswith("weight_")}
    assert weights == pytest.approx({"weight_kd_loss": 0.5, "weight_sinkhorn_loss": 0.3, "weight_hard_label_loss": 0.2})
    wanted = shares(models, batches[0])
    assert {name: first[name] for name in wanted} == pytest.approx(wanted, rel=1e-4)
    with torch.no_grad():
        logits = [model(**batches[0]).logits for model in reversed(models)]
    result = SinkhornLoss(regularization=0.2).transport(*logits)
    assert first["transport_cost_mean_over_lambda"] == pytest.approx(float(result.cost_mean) / 0.2, rel=1e-5)
    assert first["transport_cost_max_over_lambda"] == pytest.approx(float(result.cost_max) / 0.2, rel=1e-5)
    assert first["transport_marginal_residual"] == pytest.approx(float(result.marginal_residual), abs=1e-6)
    assert ["gradient_share_kd_loss" in terms for terms in heard] == [True, False, True]


def shares(models: Models, batch: dict[str, Any]) -> dict[str, float]:
    teacher, student = models
    with torch.no_grad():
        target = teacher(**batch).logits
    outputs = student(**batch)
    terms = {
        "kd_loss": 0.5 * kl(outputs.logits, target, 2.0),
        "sinkhorn_loss": 0.3 * SinkhornLoss(regularization=0.2)(outputs.logits, target),
        "hard_label_loss": 0.2 * outputs.loss,
    }
    norms = {
        name: torch.autograd.grad(term, outputs.logits, retain_graph=True)[0].norm().item()
        for name, term in terms.items()
    }
    return {f"gradient_share_{name}": norm / sum(norms.values()) for name, norm in norms.items()}


def test_looking_does_not_change_the_training(models: Models, batches: Batches, train_config: Any, adapt: Any) -> None:
    import copy

    states = []
    for every in (0, 1):
        teacher, student = copy.deepcopy(models)
        config = DistillationConfig(**WEIGHTS, sinkd={})
        distiller = GeneralDistiller(train_config, config, teacher, student, adapt, adapt, figures_every=every)
        distiller.train(torch.optim.SGD(student.parameters(), lr=0.1), batches, num_epochs=1)
        states.append(student.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_in_half_precision_every_term_is_seen(models: Models, batches: Batches, train_config: Any, adapt: Any) -> None:
    config = DistillationConfig(**WEIGHTS, sinkd={})
    heard = heard_by(GeneralDistiller, config, models, batches[:1], train_config, adapt, precision="bf16")
    names = [name for name in heard[0] if name.startswith("gradient_share_")]
    assert len(names) == 3


def test_a_term_between_hidden_states_has_no_share(
    models: Models, batches: Batches, train_config: Any, adapt: Any
) -> None:
    match = {"layer_T": 1, "layer_S": 1, "feature": "hidden", "loss": "hidden_mse", "weight": 0.7}
    config = DistillationConfig(**WEIGHTS, intermediate_matches=[match])
    (first, *_) = heard_by(GeneralDistiller, config, models, batches, train_config, adapt)
    assert first["weight_hidden_hidden_mse_1_1"] == 0.7
    assert not [name for name in first if name.startswith("gradient_share_hidden")]


def test_tensorboard_gets_the_same(
    models: Models, batches: Batches, train_config: Any, adapt: Any, tmp_path: Path
) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train_config.log_dir = str(tmp_path / "log")
    config = DistillationConfig(**WEIGHTS, sinkd={})
    teacher, student = models
    distiller = GeneralDistiller(train_config, config, teacher, student, adapt, adapt)
    distiller.train(torch.optim.SGD(student.parameters(), lr=0.1), batches, num_epochs=1)
    distiller.tb_writer.close()
    read = events.EventAccumulator(train_config.log_dir)
    read.Reload()
    tags = set(read.Tags()["scalars"])
    assert {f"scalar/{name}" for name in ("total_loss", "unweighted_kd_loss", "unweighted_sinkhorn_loss")} <= tags
    assert {
        "scalar/gradient_share_sinkhorn_loss",
        "scalar/transport_marginal_residual",
        "scalar/weight_kd_loss",
    } <= tags
    assert len(read.Scalars("scalar/total_loss")) == 3


SCHEDULERS = [["flsw", 1, 2], ["cwsm", 0.5]]


@pytest.mark.parametrize("scheduler", SCHEDULERS, ids=lambda scheduler: scheduler[0])
@pytest.mark.parametrize("loss", ["sinkd", "sinkhorn", "kl", "reverse_kl", "js", "tvd", "ce", "mse"])
def test_temperature_schedulers_with_every_loss(
    loss: str, scheduler: list[Any], models: Models, batches: Batches, train_config: Any, adapt: Any
) -> None:
    keys = {"temperature": 4, "temperature_scheduler": scheduler, "kd_loss_type": loss}
    keys["kd_loss_weight_scheduler"] = "linear_decay"
    config = textbrewer().DistillationConfig(**keys)
    heard = heard_by(GeneralDistiller, config, models, batches, train_config, adapt)
    assert [terms["weight_kd_loss"] for terms in heard] == pytest.approx([1, 2 / 3, 1 / 3])
    teacher, student = models
    with torch.no_grad():
        logits = student(**batches[0]).logits, teacher(**batches[0]).logits
        temperature = config.temperature_scheduler(*logits, 4)
        assert temperature.shape == (5,)
        wanted = textbrewer().KD_LOSS_MAP[loss](*logits, temperature)
    assert heard[0]["total_loss"] == pytest.approx(float(wanted), rel=1e-5)
