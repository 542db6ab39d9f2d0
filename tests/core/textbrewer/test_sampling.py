"""Rows of a group that is too large are drawn: the same on both sides, others in each pass, all where they fit."""

from __future__ import annotations

import torch

from sinkd_plugin.textbrewer.sampling import MOST_WORK, sampled


def numbered(count: int, columns: int = 3) -> torch.Tensor:
    return torch.arange(count).unsqueeze(1).expand(count, columns).float()


def test_a_group_that_fits_stays_whole() -> None:
    rows = numbered(8)
    for most in (8, 9, "auto", None):
        student, teacher = sampled(rows, -rows, most, seed=0, draw=0)
        assert student is rows
        assert torch.equal(teacher, -rows)


def test_both_sides_give_the_same_rows_in_their_order() -> None:
    rows = numbered(50)
    student, teacher = sampled(rows, 100 + rows, 7, seed=3, draw=5)
    assert student.shape == (7, 3)
    assert torch.equal(teacher, 100 + student)
    places = student[:, 0].tolist()
    assert places == sorted(set(places))


def test_each_pass_draws_anew_and_the_same_pass_the_same() -> None:
    rows = numbered(50)

    def places(seed: int, draw: int) -> list[float]:
        found: list[float] = sampled(rows, rows, 7, seed=seed, draw=draw)[0][:, 0].tolist()
        return found

    assert places(0, 4) == places(0, 4)
    assert len({tuple(places(seed, draw)) for seed in range(3) for draw in range(3)}) == 9


def test_auto_bounds_the_work() -> None:
    rows = torch.zeros(400, 32128)
    student, _ = sampled(rows, rows, "auto", seed=0, draw=0)
    assert len(student) ** 2 * 32128 <= MOST_WORK < (len(student) + 1) ** 2 * 32128
    assert len(student) == 258


def test_gradients_reach_the_rows_that_are_drawn() -> None:
    rows = numbered(10).clone().requires_grad_()
    torch.autograd.backward(sampled(rows, rows.detach(), 4, seed=0, draw=0)[0].sum())
    assert rows.grad is not None
    assert (rows.grad[:, 0] != 0).sum() == 4


def test_the_transport_term_sees_the_sample_and_kl_all_rows() -> None:
    """Through the distiller: the value is that of the drawn rows, as the loss alone has it."""
    from sinkd_plugin import DistillationConfig, SinkhornDistiller, SinkhornLoss
    from sinkd_plugin.textbrewer.host import textbrewer

    torch.manual_seed(0)
    student, teacher = torch.randn(40, 5), torch.randn(40, 5)
    config = DistillationConfig(kd_loss_type="kl", sinkd={"weight": 0.8, "max_rows": 9})
    model = torch.nn.Linear(1, 1)
    train = textbrewer().TrainingConfig(device="cpu", log_dir=None)
    distiller = SinkhornDistiller(train, config, model, model, dict, dict, seed=4)
    _, terms = distiller.compute_loss({"logits": [student]}, {"logits": [teacher]})
    expected = SinkhornLoss()(*sampled(student, teacher, 9, seed=4, draw=0))
    assert torch.isclose(terms["unweighted_sinkhorn_loss"], expected)
    whole = DistillationConfig(kd_loss_type="kl")
    _, alone = SinkhornDistiller(train, whole, model, model, dict, dict).compute_loss(
        {"logits": [student]}, {"logits": [teacher]}
    )
    assert torch.equal(terms["unweighted_kd_loss"], alone["unweighted_kd_loss"])
