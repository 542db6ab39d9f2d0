"""Every registered loss: listed without torch, built with any valid options, and at home in TextBrewer's slot."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
import torch

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.losses import SinkhornLoss, js, kl, reverse_kl, tvd
from sinkd_plugin.losses.specs import loss_specs
from sinkd_plugin.options import validate
from sinkd_plugin.specs import KdLoss, LossSpec

SPECS = {spec.name: spec for spec in loss_specs()}
KD = {name: spec for name, spec in SPECS.items() if spec.slot == "kd_loss"}


def build(name: str, **options: object) -> KdLoss:
    spec = SPECS[name]
    return spec.build(validate(spec.options, options))


def logits(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_names_that_a_configuration_can_say() -> None:
    assert set(SPECS) == {"sinkd", "sinkhorn", "kl", "reverse_kl", "js", "tvd", "sum", "ce", "mse", "hidden_sinkhorn"}
    assert {name for name, spec in SPECS.items() if spec.slot == "match_loss"} == {"hidden_sinkhorn"}


def test_listing_imports_no_torch() -> None:
    program = "import sys, sinkd_plugin.losses.specs as s; s.loss_specs(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("first", ["kullback_leibler", "specs"])
def test_the_package_gives_functions_whatever_was_imported_first(first: str) -> None:
    program = f"import sinkd_plugin.losses.{first}; from sinkd_plugin.losses import js, kl; kl.__code__, js.__code__"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_unknown_attribute_of_the_package_is_an_error() -> None:
    import sinkd_plugin.losses

    assert set(dir(sinkd_plugin.losses)) == {"SinkhornLoss", "hidden_sinkhorn", "js", "kl", "reverse_kl", "tvd"}
    with pytest.raises(AttributeError, match="no attribute 'wasserstein'"):
        sinkd_plugin.losses.wasserstein  # noqa: B018


@pytest.mark.parametrize("spec", KD.values(), ids=KD)
@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 4)])
def test_in_the_slot(spec: LossSpec, shape: tuple[int, ...]) -> None:
    """TextBrewer weighs, adds and divides in place, with a number or a tensor of temperatures."""
    loss = spec.build(spec.options())
    for temperature in (2.0, torch.full(shape[:-1], 2.0)):
        student = logits(*shape).requires_grad_()
        total = loss(student, logits(*shape, seed=1), temperature)
        assert total.shape == ()
        total /= 4
        total.backward()  # type: ignore[no-untyped-call]
        assert student.grad is not None
        assert student.grad.abs().max() > 0


@pytest.mark.parametrize("spec", KD.values(), ids=KD)
def test_a_built_loss_can_be_sent_to_another_process(spec: LossSpec) -> None:
    loss = spec.build(spec.options())
    again = pickle.loads(pickle.dumps(loss))
    student, teacher = logits(4, 3), logits(4, 3, seed=1)
    torch.testing.assert_close(again(student, teacher, 1.0), loss(student, teacher, 1.0), rtol=0, atol=0)


def test_sinkd_is_kl_at_the_given_temperature_plus_weight_times_sinkhorn_at_its_own() -> None:
    student, teacher = logits(6, 3), logits(6, 3, seed=1)
    found = build("sinkd", weight=0.5, temperature=3.0, regularization=0.2)(student, teacher, 4.0)
    sinkhorn = SinkhornLoss(temperature=3.0, regularization=0.2)(student, teacher)
    torch.testing.assert_close(found, kl(student, teacher, 4.0) + 0.5 * sinkhorn)


def test_sinkd_without_weight_is_kl() -> None:
    student, teacher = logits(6, 3), logits(6, 3, seed=1)
    torch.testing.assert_close(build("sinkd", weight=0)(student, teacher, 2.0), kl(student, teacher, 2.0))


def test_sinkd_can_hold_its_gradient_at_a_share_of_kls() -> None:
    student, teacher = logits(6, 3).requires_grad_(), logits(6, 3, seed=1)
    gradients = [
        torch.autograd.grad(loss(student, teacher, 2.0), student)[0]
        for loss in (build("sinkd", gradient_share=0.5), build("kl"))
    ]
    assert (gradients[0] - gradients[1]).norm().item() == pytest.approx(0.5 * gradients[1].norm().item(), rel=1e-5)


def test_sinkd_cannot_warm_up_in_a_slot() -> None:
    with pytest.raises(ConfigError, match=r"'sinkd\.warmup' needs a distiller"):
        build("sinkd", warmup=0.5)


def test_sinkhorn_takes_all_positions_as_one_group_at_its_own_temperature() -> None:
    student, teacher = logits(2, 3, 4), logits(2, 3, 4, seed=1)
    expected = SinkhornLoss(cost="flattened")(student.flatten(0, 1), teacher.flatten(0, 1))
    torch.testing.assert_close(build("sinkhorn", cost="flattened")(student, teacher, 7.0), expected)


@pytest.mark.parametrize(("name", "function"), [("kl", kl), ("reverse_kl", reverse_kl), ("js", js), ("tvd", tvd)])
@pytest.mark.parametrize("squared", [False, True])
def test_a_divergence_is_its_function(name: str, function: object, squared: bool) -> None:
    assert callable(function)
    student, teacher = logits(4, 3), logits(4, 3, seed=1)
    found = build(name, scale_by_temperature_squared=squared)(student, teacher, 2.0)
    torch.testing.assert_close(found, function(student, teacher, 2.0, "mean", squared))


def test_the_paper_keeps_the_gradient_of_textbrewers_cross_entropy() -> None:
    """KL and cross-entropy differ by the teacher's entropy, which the student cannot change."""
    gradients = []
    for name in ("kl", "ce"):
        student = logits(4, 3).requires_grad_()
        build(name)(student, logits(4, 3, seed=1), 2.0).backward()  # type: ignore[no-untyped-call]
        gradients.append(student.grad)
    torch.testing.assert_close(gradients[0], gradients[1])


def test_a_sum_is_its_terms_times_their_weights() -> None:
    student, teacher = logits(4, 3), logits(4, 3, seed=1)
    found = build("sum", terms={"kl": 1.0, "tvd": 0.5}, scale_by_temperature_squared=True)(student, teacher, 2.0)
    expected = kl(student, teacher, 2.0, "mean", True) + 0.5 * tvd(student, teacher, 2.0, "mean", True)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("terms", "message"), [({}, "terms"), ({"kl": 0.0}, "positive"), ({"kll": 1.0}, "kll")])
def test_a_sum_needs_known_terms_with_positive_weights(terms: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build("sum", terms=terms)
