"""The weight follows the gradients, forgets slowly, and survives a restart."""

from __future__ import annotations

import doctest
import math

import pytest
import torch

from sinkd_plugin.errors import ConfigError
from sinkd_plugin.losses import SinkhornLoss, gradient_share, kl
from sinkd_plugin.losses.gradient_share import GradientShare


def batch(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    student, teacher = torch.randn(2, 8, 3, generator=generator)
    return student.requires_grad_(), teacher


def weights(share: GradientShare, seeds: range) -> list[float]:
    found = []
    for seed in seeds:
        student, teacher = batch(seed)
        found.append(share(kl(student, teacher), SinkhornLoss()(student, teacher), student))
    return found


def test_the_weighted_gradient_has_the_share_that_was_asked_for() -> None:
    student, teacher = batch(0)
    reference, term = kl(student, teacher), SinkhornLoss()(student, teacher)
    weight = GradientShare(share=0.25)(reference, term, student)
    lengths = [torch.autograd.grad(value, student)[0].norm().item() for value in (reference, weight * term)]
    assert lengths[1] == pytest.approx(0.25 * lengths[0], rel=1e-5)


def test_several_heads_are_measured_together() -> None:
    (one, first), (two, second) = batch(0), batch(1)
    reference, term = kl(one, first) + kl(two, second), SinkhornLoss()(one, first) + SinkhornLoss()(two, second)
    share = GradientShare(share=0.25)
    weight = share(reference, term, [one, two])
    lengths = [
        torch.cat(torch.autograd.grad(value, (one, two), retain_graph=True)).norm().item()
        for value in (reference, term)
    ]
    assert weight == pytest.approx(0.25 * lengths[0] / lengths[1], rel=1e-5)
    assert share.measured_ratio == pytest.approx(lengths[0] / lengths[1], rel=1e-5)


def test_the_scale_of_the_term_does_not_matter() -> None:
    student, teacher = batch(0)
    reference, term = kl(student, teacher), SinkhornLoss()(student, teacher)
    once, scaled = (GradientShare(0.1)(reference, factor * term, student) * factor for factor in (1, 1000))
    assert once == pytest.approx(scaled, rel=1e-4)


def test_a_resumed_run_gives_the_same_weights() -> None:
    whole = weights(GradientShare(0.1), range(6))
    first = GradientShare(0.1)
    begun = weights(first, range(3))
    second = GradientShare(0.1)
    second.load_state_dict(first.state_dict())
    assert begun + weights(second, range(3, 6)) == whole


def test_a_flat_or_broken_batch_is_not_learnt_from() -> None:
    share = GradientShare(0.1)
    assert share.weight == 0
    (learnt,) = weights(share, range(1))
    student, teacher = batch(1)
    assert share(kl(student, teacher), 0 * student.sum(), student) == learnt
    assert share(kl(student, teacher), math.inf * student.sum(), student) == learnt
    assert share(kl(student.detach(), teacher), student.sum(), student) == learnt


def test_arguments_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"'share' must be positive.*Received: 0"):
        GradientShare(0)
    with pytest.raises(ConfigError, match=r"'memory' must be.*Received: 1"):
        GradientShare(0.1, memory=1)


def test_the_example_runs() -> None:
    assert doctest.testmod(gradient_share) == (0, 3)
