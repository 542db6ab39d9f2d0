"""``L = hard_label_weight * CE + kd_loss_weight * KD + sinkd.weight * SD``, in our distiller and in TextBrewer's."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
import transformers

from sinkd_plugin import DistillationConfig, SinkhornDistiller
from sinkd_plugin.catalog import catalog
from sinkd_plugin.errors import ConfigError, LossInputError, NonFiniteLossError, UnknownNameError
from sinkd_plugin.losses import kl
from sinkd_plugin.losses.sinkhorn import SinkhornLoss
from sinkd_plugin.textbrewer.host import textbrewer

Adaptor = Callable[[Mapping[str, Any], Any], dict[str, Any]]
Models = tuple[Any, Any]
Batches = list[dict[str, Any]]
WEIGHTS = {"temperature": 2, "hard_label_weight": 0.2, "kd_loss_weight": 0.5, "kd_loss_type": "kl"}
KD_LOSSES = [entry.spec.name for entry in catalog().losses if entry.spec.slot == "kd_loss"]


def hand_made(models: Models, batch: dict[str, Any], weight: float = 0.3) -> Any:
    teacher, student = models
    with torch.no_grad():
        teacher_logits = teacher(**batch).logits
    outputs = student(**batch)
    kd, transport = kl(outputs.logits, teacher_logits, 2.0), SinkhornLoss()(outputs.logits, teacher_logits)
    return 0.2 * outputs.loss + 0.5 * kd + weight * transport


def train(distiller: Any, student: Any, batches: Any, epochs: int = 2) -> dict[str, Any]:
    with distiller:
        distiller.train(torch.optim.SGD(student.parameters(), lr=0.05), batches, num_epochs=epochs)
    state: dict[str, Any] = student.state_dict()
    return state


def difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    return max(float((one[name] - other[name]).abs().max().item()) for name in one)


def test_the_total_is_the_sum_that_is_promised(
    models: Models, batches: Batches, train_config: Any, adapt: Adaptor
) -> None:
    config = DistillationConfig(**WEIGHTS, sinkd={"weight": 0.3})
    distiller = SinkhornDistiller(train_config, config, *models, adapt, adapt)
    with distiller:
        total, terms = distiller.train_on_batch(batches[0], {})
    assert total.item() == pytest.approx(hand_made(models, batches[0]).item(), rel=1e-5)
    assert set(terms) == {"unweighted_kd_loss", "unweighted_hard_label_loss", "unweighted_sinkhorn_loss"}


def test_ours_textbrewers_and_a_plain_loop_train_the_same_student(
    models: Models, batches: Batches, train_config: Any, adapt: Adaptor
) -> None:
    teacher, student = models
    states = []
    for kind in (SinkhornDistiller, textbrewer().GeneralDistiller):
        own = copy.deepcopy(student)
        config = DistillationConfig(**WEIGHTS, sinkd={"weight": 0.3})
        states.append(train(kind(train_config, config, teacher, own, adapt, adapt), own, batches))
    by_hand = copy.deepcopy(student)
    optimizer = torch.optim.SGD(by_hand.parameters(), lr=0.05)
    for _ in range(2):
        for batch in batches:
            optimizer.zero_grad()
            hand_made((teacher, by_hand), batch).backward()
            optimizer.step()
    assert difference(states[0], student.state_dict()) > 1e-3, "it must have trained"
    assert difference(states[0], states[1]) < 1e-6
    assert difference(states[0], by_hand.state_dict()) < 1e-6


@pytest.mark.parametrize("loss", KD_LOSSES)
@pytest.mark.parametrize("kind", ["BasicDistiller", "GeneralDistiller", "MultiTeacherDistiller", "MultiTaskDistiller"])
def test_every_loss_trains_in_every_distiller_of_textbrewer(
    kind: str, loss: str, models: Models, batches: Batches, train_config: Any, adapt: Adaptor
) -> None:
    teacher, student = models
    before = copy.deepcopy(student.state_dict())
    config = textbrewer().DistillationConfig(temperature=2, kd_loss_type=loss)
    arguments: dict[str, Any] = {"num_epochs": 1}
    teachers: Any = teacher
    adaptors: list[Any] = [adapt, adapt]
    data: Any = batches
    if kind == "MultiTeacherDistiller":
        teachers = [teacher, teacher]
    if kind == "MultiTaskDistiller":
        teachers, data = {"one": teacher}, {"one": batches}
        adaptors = [{"one": adapt}, {"one": adapt}]
        arguments = {"num_steps": 2}
    distiller = getattr(textbrewer(), kind)(train_config, config, teachers, student, *adaptors)
    with distiller:
        distiller.train(torch.optim.SGD(student.parameters(), lr=0.05), data, **arguments)
    assert 0 < difference(student.state_dict(), before) < 10


def test_a_transport_term_without_kd_needs_our_distiller(
    models: Models, batches: Batches, train_config: Any, adapt: Adaptor
) -> None:
    keys = {"kd_loss_weight": 0, "hard_label_weight": 1, "kd_loss_type": "kl", "sinkd": {"weight": 0.3}}
    ours = SinkhornDistiller(train_config, DistillationConfig(**keys), *models, adapt, adapt)
    total, terms = ours.train_on_batch(batches[0], {})
    wanted = terms["unweighted_hard_label_loss"] + 0.3 * terms["unweighted_sinkhorn_loss"]
    assert total.item() == pytest.approx(wanted.item(), rel=1e-6)
    stock = textbrewer().GeneralDistiller(train_config, DistillationConfig(**keys), *models, adapt, adapt)
    with pytest.raises(ConfigError, match=r"kd_loss_weight' must be above 0.*SinkhornDistiller"):
        stock.train_on_batch(batches[0], {})


def test_transformers_own_batches_are_taken(
    models: Models, batches: Batches, train_config: Any, adapt: Adaptor
) -> None:
    distiller = SinkhornDistiller(train_config, DistillationConfig(), *models, adapt, adapt)
    plain, _ = distiller.train_on_batch(batches[0], {})
    encoded, _ = distiller.train_on_batch(transformers.BatchEncoding(batches[0]), {})
    assert torch.equal(plain, encoded)


def test_bf16_computes_the_loss_in_float32(models: Models, batches: Batches, train_config: Any, adapt: Adaptor) -> None:
    match = {"layer_T": 1, "layer_S": 1, "feature": "hidden", "loss": "hidden_mse", "weight": 1.0}
    config = DistillationConfig(**WEIGHTS, sinkd={}, intermediate_matches=[{**match, "proj": ["linear", 16, 16]}])
    distiller = SinkhornDistiller(train_config, config, *models, adapt, adapt, precision="bf16")
    total, terms = distiller.train_on_batch(batches[0], {})
    assert {total.dtype, *(term.dtype for term in terms.values())} == {torch.float32}
    assert torch.isfinite(total)
    torch.autograd.backward(total)
    assert all(torch.isfinite(weight.grad).all() for weight in models[1].classifier.parameters())


def test_probability_shift_does_not_reach_the_transport_term(
    models: Models, batches: Batches, train_config: Any, adapt: Adaptor
) -> None:
    plain, shifted = (
        SinkhornDistiller(
            train_config, DistillationConfig(**WEIGHTS, sinkd={}, probability_shift=shift), *models, adapt, adapt
        ).train_on_batch(batches[0], {})[1]
        for shift in (False, True)
    )
    assert torch.equal(plain["unweighted_sinkhorn_loss"], shifted["unweighted_sinkhorn_loss"])
    assert not torch.equal(plain["unweighted_kd_loss"], shifted["unweighted_kd_loss"])


def test_intermediate_matches_add_their_term(
    models: Models, batches: Batches, train_config: Any, adapt: Adaptor
) -> None:
    match = {"layer_T": 2, "layer_S": 1, "feature": "hidden", "loss": "hidden_mse", "weight": 0.7}
    config = DistillationConfig(**WEIGHTS, sinkd={"weight": 0.3}, intermediate_matches=[match])
    distiller = SinkhornDistiller(train_config, config, *models, adapt, adapt)
    total, terms = distiller.train_on_batch(batches[0], {})
    wanted = hand_made(models, batches[0]).item() + 0.7 * terms["unweighted_hidden_hidden_mse_1_2"].item()
    assert total.item() == pytest.approx(wanted, rel=1e-5)


LOGITS = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]]])
MASK = torch.tensor([[1, 1, 0]])


def compute(
    distiller_of: Callable[..., Any], student: dict[str, Any], teacher: dict[str, Any], **keys: Any
) -> tuple[Any, Any]:
    outcome: tuple[Any, Any] = distiller_of(**keys).compute_loss(student, teacher)
    return outcome


@pytest.fixture
def distiller_of(models: Models, train_config: Any, adapt: Adaptor) -> Callable[..., SinkhornDistiller]:
    def make(**keys: Any) -> SinkhornDistiller:
        config = DistillationConfig(**{"kd_loss_type": "kl", "sinkd": {}, **keys})
        return SinkhornDistiller(train_config, config, *models, adapt, adapt)

    return make


def test_masked_positions_are_not_there(distiller_of: Callable[..., Any]) -> None:
    student, teacher = LOGITS.clone().requires_grad_(), LOGITS.flip(1)
    masked, _ = compute(
        distiller_of, {"logits": [student], "logits_mask": [MASK]}, {"logits": [teacher], "logits_mask": [MASK]}
    )
    dropped, _ = compute(distiller_of, {"logits": [student[:, :2]]}, {"logits": [teacher[:, :2]]})
    assert masked.item() == pytest.approx(dropped.item(), rel=1e-6)


def test_one_mask_serves_all_heads_and_heads_add_up(distiller_of: Callable[..., Any]) -> None:
    heads, teachers = [LOGITS, LOGITS * 2], [LOGITS.flip(1), LOGITS.flip(2)]
    both, _ = compute(
        distiller_of, {"logits": heads, "logits_mask": [MASK]}, {"logits": teachers, "logits_mask": [MASK]}
    )
    apart = [
        compute(distiller_of, {"logits": [one], "logits_mask": [MASK]}, {"logits": [two], "logits_mask": [MASK]})[0]
        for one, two in zip(heads, teachers, strict=True)
    ]
    assert both.item() == pytest.approx(sum(apart).item(), rel=1e-6)


@pytest.mark.parametrize(
    ("student", "teacher", "keys", "message"),
    [
        ({"logits": [LOGITS, LOGITS]}, {"logits": [LOGITS]}, {}, "same number of heads. Received: 2 and 1"),
        ({"logits": [LOGITS]}, {}, {}, "same number of heads. Received: 1 and 0"),
        ({"logits": [LOGITS], "logits_mask": [MASK]}, {"logits": [LOGITS]}, {}, "one from the student only"),
        ({"logits": [LOGITS]}, {"logits": [LOGITS], "logits_mask": [MASK]}, {}, "one from the teacher only"),
        ({"logits": [LOGITS]}, {"logits": [LOGITS[..., :1]]}, {}, r"same shape.*\(1, 3, 2\) and \(1, 3, 1\)"),
        ({"logits": [LOGITS]}, {"logits": [LOGITS]}, {"hard_label_weight": 0.1}, "must return 'losses'"),
        ({"logits": [LOGITS], "losses": [None]}, {"logits": [LOGITS]}, {"hard_label_weight": 1}, "must return 'losses"),
        ({}, {}, {}, "something to learn from"),
    ],
)
def test_what_adaptors_get_wrong_is_said(
    student: dict[str, Any], teacher: dict[str, Any], keys: dict[str, Any], message: str, distiller_of: Any
) -> None:
    with pytest.raises(LossInputError, match=message):
        compute(distiller_of, student, teacher, **keys)


def test_masks_are_one_or_one_a_head(distiller_of: Callable[..., Any]) -> None:
    results = {"logits": [LOGITS] * 3, "logits_mask": [MASK] * 2}
    with pytest.raises(LossInputError, match="2 masks for the student's 3 heads"):
        compute(distiller_of, dict(results), dict(results))


def test_a_loss_of_none_without_weight_is_no_loss(distiller_of: Callable[..., Any]) -> None:
    _, terms = compute(distiller_of, {"logits": [LOGITS], "losses": [None]}, {"logits": [LOGITS]})
    assert "unweighted_hard_label_loss" not in terms


@pytest.mark.parametrize("broken", ["logits", "losses"])
def test_nan_stops_before_the_weights_change(
    broken: str, models: Models, batches: Batches, train_config: Any, adapt: Adaptor
) -> None:
    teacher, student = models
    before = {}
    passes = []

    def poisoned(batch: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
        found = adapt(batch, outputs)
        passes.append(1)
        if len(passes) == 3:
            before.update(copy.deepcopy(student.state_dict()))
            found[broken] = found[broken] * float("nan")
        return found

    config = DistillationConfig(**WEIGHTS, sinkd={"weight": 0.3})
    distiller = SinkhornDistiller(train_config, config, teacher, student, adapt, poisoned)
    with pytest.raises(NonFiniteLossError, match="at step 2") as caught:
        train(distiller, student, batches)
    assert difference(student.state_dict(), before) == 0
    assert broken == "logits" or "unweighted_hard_label_loss nan" in str(caught.value)


def test_an_unknown_loss_in_textbrewers_own_configuration_is_named(
    models: Models, train_config: Any, adapt: Adaptor
) -> None:
    for kind in ("sinkdd", ["sinkd", {"weight": 1}]):
        config = textbrewer().DistillationConfig(kd_loss_type=kind)
        with pytest.raises(UnknownNameError, match="No loss is called"):
            SinkhornDistiller(train_config, config, *models, adapt, adapt)


def test_it_stands_in_textbrewers_own_table() -> None:
    assert textbrewer().Distillers["SinkD"] is SinkhornDistiller


def test_the_observer_hears_every_pass_and_checkpoints_can_be_left_out(
    models: Models, batches: Batches, train_config: Any, adapt: Adaptor
) -> None:
    from pathlib import Path

    heard: list[int] = []
    distiller = SinkhornDistiller(
        train_config,
        DistillationConfig(**WEIGHTS),
        *models,
        adapt,
        adapt,
        observer=lambda step, terms: heard.append(step),
        save_state_dicts=False,
    )
    train(distiller, models[1], batches)
    assert heard == list(range(6))
    assert not list(Path(train_config.output_dir).glob("*.pkl"))
