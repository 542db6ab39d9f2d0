"""What each option promises beyond the paper's defaults."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from sinkd_plugin.errors import ConfigError, LossInputError
from sinkd_plugin.losses import SinkhornLoss
from sinkd_plugin.options import validate
from sinkd_plugin.ot.options import SinkdOptions, TransportOptions
from sinkd_plugin.ot.result import TransportResult
from sinkd_plugin.ot.transport import sinkhorn_distance

pytestmark = pytest.mark.usefixtures("each_engine")

COSTS = ["batch", "flattened", "sample"]
INFINITY = math.inf


def logits(*shape: int, seed: int = 0, scale: float = 2.0) -> torch.Tensor:
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def distance(
    student: torch.Tensor, teacher: torch.Tensor, *weights: torch.Tensor | None, **options: Any
) -> TransportResult:
    given = dict(zip(("student_weights", "teacher_weights"), weights, strict=False))
    return sinkhorn_distance(student, teacher, validate(TransportOptions, options), **given)


def gradient(
    student: torch.Tensor, teacher: torch.Tensor, *weights: torch.Tensor | None, **options: Any
) -> torch.Tensor:
    leaf = student.detach().clone().requires_grad_()
    (result,) = torch.autograd.grad(distance(leaf, teacher, *weights, **options).value.sum(), leaf)
    return result


PAIR = logits(6, 3), logits(6, 3, seed=1)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("value", ["transport", "entropic"])
@pytest.mark.parametrize("debiased", [False, True])
def test_rows_of_weight_zero_are_rows_that_are_not_there(cost: str, value: str, debiased: bool) -> None:
    weights = torch.tensor([1.0, 0, 2, 1, 0, 3]).double()
    kept = [0, 2, 3, 5]
    options: dict[str, Any] = {"cost": cost, "value": value, "debiased": debiased, "reduction": "sum"}
    with_zeros = distance(*PAIR, weights, **options).value
    without = distance(PAIR[0][kept], PAIR[1][kept], weights[kept], **options).value
    torch.testing.assert_close(with_zeros, without)
    found = gradient(*PAIR, weights, **options)
    torch.testing.assert_close(found[kept], gradient(PAIR[0][kept], PAIR[1][kept], weights[kept], **options))
    assert found[[1, 4]].abs().max() == 0


@pytest.mark.parametrize("cost", COSTS)
def test_even_weights_of_any_size_are_no_weights(cost: str) -> None:
    plain, weighted = (distance(*PAIR, weights, cost=cost).value for weights in (None, torch.full((6,), 7.0).double()))
    torch.testing.assert_close(weighted, plain)


def test_a_row_of_weight_two_is_that_row_twice() -> None:
    weighted = distance(*PAIR, torch.tensor([2.0, 1, 1, 1, 1, 1]).double(), iterations=2000).value
    twice = distance(*(side[[0, 0, 1, 2, 3, 4, 5]] for side in PAIR), iterations=2000).value
    torch.testing.assert_close(weighted, twice)


def test_each_side_has_its_own_weights() -> None:
    student, teacher = torch.tensor([1.0, 2, 3, 4, 5, 6]).double(), torch.ones(6).double()
    result = distance(*PAIR, student, teacher, iterations=500)
    torch.testing.assert_close(result.plan.sum(1), student / 21)
    torch.testing.assert_close(result.plan.sum(0), teacher / 6)
    torch.testing.assert_close(result.student_marginal, student / 21)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("nonfinite", ["raise", "skip"])
def test_what_a_row_of_weight_zero_holds_does_not_matter(cost: str, nonfinite: str) -> None:
    student, teacher, weights = PAIR[0].clone(), PAIR[1].clone(), torch.tensor([1.0, 0, 2, 1, 0, 3]).double()
    expected = distance(student, teacher, weights, cost=cost).value
    student[1], teacher[4] = math.nan, math.inf
    result = distance(student, teacher, weights, cost=cost, on_nonfinite=nonfinite)
    torch.testing.assert_close(result.value, expected, rtol=0, atol=0)
    assert result.skipped_rows is None or result.skipped_rows.item() == 0
    assert gradient(student, teacher, weights, cost=cost)[1].abs().max() == 0


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (torch.ones(5), r"one weight for each row.*\(5,\)"),
        (torch.tensor([1.0, -1, 1, 1, 1, 1]), "at least 0.*-1"),
        (torch.zeros(6), "a positive weight in each group"),
        (torch.tensor([1.0, math.nan, 1, 1, 1, 1]), "finite"),
    ],
)
def test_unusable_weights(weights: torch.Tensor, message: str) -> None:
    with pytest.raises(LossInputError, match=message):
        distance(*PAIR, weights)


def test_rows_that_are_compared_one_by_one_have_one_weight() -> None:
    with pytest.raises(LossInputError, match=r"a row has one weight.*student_weights alone"):
        distance(*PAIR, torch.ones(6), torch.ones(6), cost="sample")


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("debiased", [False, True])
@pytest.mark.parametrize("rows", ["student", "teacher"])
def test_groups_are_each_on_its_own(cost: str, debiased: bool, rows: str) -> None:
    student, teacher = logits(2, 3, 5, 4), logits(2, 3, 5, 4, seed=1)
    options = {"cost": cost, "debiased": debiased, "rows": rows, "reduction": "sum"}
    together = distance(student, teacher, **options)
    assert together.value.shape == (2, 3)
    for first in range(2):
        for second in range(3):
            alone = distance(student[first, second], teacher[first, second], **options)
            torch.testing.assert_close(together.value[first, second], alone.value)
            torch.testing.assert_close(together.plan[first, second], alone.plan)
    apart = torch.stack(
        [gradient(s, t, **options) for s, t in zip(student.flatten(0, 1), teacher.flatten(0, 1), strict=True)]
    )
    torch.testing.assert_close(gradient(student, teacher, **options), apart.reshape(student.shape))


def test_groups_have_weights_of_their_own() -> None:
    student, teacher, weights = logits(3, 5, 4), logits(3, 5, 4, seed=1), logits(3, 5, seed=2).square()
    together = distance(student, teacher, weights).value
    apart = [distance(*one).value for one in zip(student, teacher, weights, strict=True)]
    torch.testing.assert_close(together, torch.stack(apart))


def test_the_module_takes_one_group() -> None:
    with pytest.raises(LossInputError, match="matrix"):
        SinkhornLoss()(logits(2, 3, 4), logits(2, 3, 4))


@pytest.mark.parametrize("p", [INFINITY, "inf"])
def test_the_largest_difference_is_a_norm_too(p: float | str) -> None:
    student, teacher = logits(1, 4), logits(1, 4, seed=1)
    expected = ((student / 2).softmax(-1) - (teacher / 2).softmax(-1)).abs().max()
    torch.testing.assert_close(distance(student, teacher, p=p).value, expected)


@pytest.mark.parametrize("p", [1, 2, "inf"])
@pytest.mark.parametrize("rows", [3, 200, 600])
def test_two_classes_are_on_a_line_however_many_rows(p: float | str, rows: int) -> None:
    """Few rows take the general distances, many the closed form, very many no matrix at all."""
    student, teacher = logits(rows, 2), logits(rows, 2, seed=1)
    padded = [torch.nn.functional.pad(side, (0, 1), value=-INFINITY) for side in (student, teacher)]
    two, three = distance(student, teacher, p=p), distance(*padded, p=p)
    assert two.solver == ("line" if rows == 600 else "scaling-float64")
    torch.testing.assert_close(two.value, three.value, rtol=1e-11, atol=0)
    found, expected = gradient(student, teacher, p=p), gradient(*padded, p=p)[:, :2]
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-13)


def test_a_tolerance_is_met_or_said_not_to_be() -> None:
    result = distance(*PAIR, tolerance=1e-6, iterations=1000)
    assert result.converged is not None
    assert bool(result.converged)
    assert result.iterations < 1000
    assert result.marginal_residual.item() <= 1e-6
    capped = distance(*PAIR, tolerance=1e-6, iterations=3)
    assert capped.iterations == 3
    assert capped.converged is not None
    assert not bool(capped.converged)
    assert distance(*PAIR).converged is None


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("regularization", [0.1, 2e-3])
def test_each_group_says_whether_it_has_converged(cost: str, regularization: float) -> None:
    """Equal predictions of one row each need one sweep, sharp ones more than there are."""
    easy, hard = logits(1, 3).expand(6, 3), logits(6, 3, scale=6.0)
    student, teacher = torch.stack([easy, hard]), torch.stack([easy, hard.flip(0)])
    options: dict[str, Any] = {"cost": cost, "tolerance": 1e-9, "iterations": 2, "regularization": regularization}
    result = distance(student, teacher, **options)
    assert result.converged is not None
    assert result.marginal_residual.shape == result.converged.shape == (2,)
    alone = [distance(*pair, **options) for pair in zip(student, teacher, strict=True)]
    torch.testing.assert_close(result.marginal_residual, torch.stack([each.marginal_residual for each in alone]))
    assert result.converged.tolist() == [bool(each.converged) for each in alone]
    assert result.converged.tolist() == (result.marginal_residual <= 1e-9).tolist()


def test_debiased_has_converged_once_all_three_distances_have() -> None:
    teacher = logits(6, 3, scale=6.0)
    student = torch.zeros_like(teacher)  # its plans are even at once, and the teacher's to itself is not
    plain, debiased = (
        distance(student, teacher, tolerance=1e-9, iterations=2, debiased=flag) for flag in (False, True)
    )
    assert plain.converged is not None
    assert debiased.converged is not None
    assert bool(plain.converged)
    assert not bool(debiased.converged)


@pytest.mark.parametrize("cost", COSTS)
def test_nothing_to_move_has_converged(cost: str) -> None:
    result = distance(torch.zeros(2, 0, 3), torch.zeros(2, 0, 3), cost=cost, tolerance=1e-6)
    assert result.converged is not None
    assert result.converged.tolist() == [True, True]
    assert result.marginal_residual.tolist() == [0, 0]


@pytest.mark.parametrize("cost", ["flattened", "sample"])
@pytest.mark.parametrize(
    "options", [{"tolerance": 1e-2}, {"value": "entropic"}, {"plan_gradient": "detached"}, {"debiased": True}]
)
def test_no_matrix_between_a_hundred_thousand_probabilities(cost: str, options: dict[str, Any]) -> None:
    student, teacher = logits(1, 100_000), logits(1, 100_000, seed=1)
    result = distance(student, teacher, cost=cost, iterations=2, regularization=0.5, **options)
    assert result.solver == "line"
    assert result.value.isfinite()
    assert gradient(student, teacher, cost=cost, iterations=2, regularization=0.5, **options).isfinite().all()


@pytest.mark.parametrize("cost", COSTS)
def test_the_entropic_value_adds_the_entropy(cost: str) -> None:
    result = distance(*PAIR, value="entropic", cost=cost)
    entropy = -torch.xlogy(result.plan, result.plan).sum()
    if cost == "sample":  # of six plans of mass 1, of which the mean is taken
        entropy = entropy - math.log(6)
    torch.testing.assert_close(result.value, (result.plan * result.cost).sum() - 0.1 * entropy)


def test_detached_is_the_gradient_with_the_plan_given() -> None:
    leaf = PAIR[0].clone().requires_grad_()
    cost = torch.cdist((leaf / 2).softmax(-1), (PAIR[1] / 2).softmax(-1), p=1)
    (expected,) = torch.autograd.grad((distance(*PAIR).plan * cost).sum(), leaf)
    torch.testing.assert_close(gradient(*PAIR, plan_gradient="detached"), expected)


def test_implicit_is_the_gradient_at_convergence() -> None:
    exact = gradient(*PAIR, iterations=2000)
    torch.testing.assert_close(gradient(*PAIR, iterations=2000, plan_gradient="implicit"), exact, rtol=1e-7, atol=1e-10)
    assert not torch.allclose(gradient(*PAIR, iterations=3, plan_gradient="implicit"), exact, rtol=1e-3)


class TestPairingPenalty:
    def test_none_is_the_paper(self) -> None:
        assert distance(*PAIR, pairing_penalty=0.0).value == distance(*PAIR).value

    @pytest.mark.parametrize("penalty", [20.0, 1e3, 1e6])
    def test_a_large_one_compares_each_row_with_its_own(self, penalty: float) -> None:
        student, teacher = ((side / 2).softmax(-1) for side in PAIR)
        expected = (student - teacher).abs().sum(-1).mean()
        torch.testing.assert_close(distance(*PAIR, pairing_penalty=penalty).value, expected)

    def test_and_so_does_its_gradient(self) -> None:
        leaf = PAIR[0].clone().requires_grad_()
        by_rows = ((leaf / 2).softmax(-1) - (PAIR[1] / 2).softmax(-1)).abs().sum(-1).mean()
        torch.testing.assert_close(gradient(*PAIR, pairing_penalty=50.0), torch.autograd.grad(by_rows, leaf)[0])
        torch.testing.assert_close(gradient(*PAIR, pairing_penalty=1e-12), gradient(*PAIR))

    def test_between_both_it_is_between_both_and_sees_permutations(self) -> None:
        free, held, paired = (distance(*PAIR, pairing_penalty=penalty).value for penalty in (0.0, 0.3, 100.0))
        assert free < held < paired
        permuted = distance(PAIR[0].flip(0), PAIR[1], pairing_penalty=0.3).value
        assert abs(permuted - held) > 1e-4

    @pytest.mark.parametrize("penalty", [0.0, 0.3, 5.0, 1e3])
    def test_its_gradient_agrees_with_finite_differences(self, penalty: float) -> None:
        teacher = logits(3, 3, seed=1)

        def value(student: torch.Tensor) -> torch.Tensor:
            return distance(student, teacher, pairing_penalty=penalty, iterations=4).value

        assert torch.autograd.gradcheck(value, (logits(3, 3).requires_grad_(),))

    def test_its_value_is_of_the_papers_cost(self) -> None:
        result = distance(*PAIR, pairing_penalty=0.3)
        torch.testing.assert_close(result.value, (result.plan * result.cost).sum())
        torch.testing.assert_close(result.cost, distance(*PAIR).cost)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("where", ["student", "teacher"])
def test_rows_that_are_not_finite_can_be_skipped(cost: str, where: str) -> None:
    student, teacher = PAIR[0].clone(), PAIR[1].clone()
    (student if where == "student" else teacher)[2] = torch.tensor([math.nan, 0, math.inf])
    kept = [0, 1, 3, 4, 5]
    result = distance(student, teacher, cost=cost, on_nonfinite="skip", reduction="sum")
    torch.testing.assert_close(result.value, distance(PAIR[0][kept], PAIR[1][kept], cost=cost, reduction="sum").value)
    assert result.skipped_rows is not None
    assert result.skipped_rows.item() == 1
    found = gradient(student, teacher, cost=cost, on_nonfinite="skip")
    assert found[2].abs().max() == 0
    torch.testing.assert_close(found[kept], gradient(PAIR[0][kept], PAIR[1][kept], cost=cost))


@pytest.mark.parametrize("cost", COSTS)
def test_a_batch_without_a_finite_row_is_zero(cost: str) -> None:
    nothing = torch.full((4, 3), math.nan)
    assert distance(nothing, nothing, cost=cost, on_nonfinite="skip").value.item() == 0
    assert gradient(nothing, nothing, cost=cost, on_nonfinite="skip").abs().max() == 0


@pytest.mark.parametrize("cost", COSTS)
def test_a_second_derivative_is_refused_and_a_graph_is_not(cost: str) -> None:
    leaf = PAIR[0].clone().requires_grad_()
    (first,) = torch.autograd.grad(distance(leaf, PAIR[1], cost=cost).value, leaf, create_graph=True)
    with pytest.raises(LossInputError, match="differentiated once"):
        first.square().sum().backward()  # type: ignore[no-untyped-call]


def test_a_graph_can_be_used_twice() -> None:
    leaf = PAIR[0].clone().requires_grad_()
    value = distance(leaf, PAIR[1]).value
    first, second = (torch.autograd.grad(value, leaf, retain_graph=True)[0] for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairing_penalty": 1.0, "cost": "flattened"}, "'pairing_penalty' needs cost='batch'"),
        ({"acceleration": "newton"}, "'acceleration' needs a 'tolerance'"),
        ({"pairing": "literal"}, "'pairing' needs cost='sample'"),
        ({"tolerance": 0.0}, "'tolerance'.*greater than 0"),
        ({"on_nonfinite": "ignore"}, "'raise' or 'skip'"),
        ({"preset": "code"}, "'paper', 'official-code' or 'converged'"),
        ({"preset": ["paper"]}, "'preset' must be 'paper'"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validate(SinkdOptions, options)


def test_presets_are_defaults_that_can_be_overridden() -> None:
    assert validate(SinkdOptions, {"preset": "paper"}) == SinkdOptions()
    official = validate(SinkdOptions, {"preset": "official-code"})
    assert (official.reduction, official.weight) == ("sum", 0.0008)
    assert validate(SinkdOptions, {"preset": "official-code", "weight": 0.5}).weight == 0.5


def test_the_official_preset_is_the_published_scripts_scale() -> None:
    options = validate(SinkdOptions, {"preset": "official-code"})
    transport = options.model_dump(include=set(TransportOptions.model_fields))
    assert options.weight is not None
    found = options.weight * distance(*PAIR, **transport).value
    torch.testing.assert_close(found, 0.8 * 0.001 * 6 * distance(*PAIR).value)
