"""Metrics against known answers, and their intervals against an independent bootstrap."""

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkd_plugin.errors import DataError
from sinkd_plugin.tasks.metrics import METRICS, agreement, confusion_metrics, point_scores, score
from sinkd_plugin.tasks.number_metrics import score_numbers

np = pytest.importorskip("numpy")
pytest.importorskip("sklearn")

HIT, FALSE_ALARM, MISS, REJECTION = (1, 1), (0, 1), (1, 0), (0, 0)


def cases(counts: dict[tuple[int, int], int]) -> tuple[list[int], list[int]]:
    pairs = [pair for pair, count in counts.items() for _ in range(count)]
    return [label for label, _ in pairs], [prediction for _, prediction in pairs]


def test_a_confusion_table_by_hand() -> None:
    labels, predictions = cases({HIT: 6, FALSE_ALARM: 2, MISS: 1, REJECTION: 3})
    scores = score(labels, predictions, label_count=2)
    assert scores.n == 12
    assert scores.accuracy == pytest.approx(9 / 12)
    assert scores.f1 == pytest.approx(2 * 6 / (2 * 6 + 2 + 1))
    assert scores.matthews_correlation == pytest.approx((6 * 3 - 2 * 1) / math.sqrt(8 * 7 * 5 * 4))


def test_f1_of_more_than_two_classes_is_the_mean_over_the_classes() -> None:
    scores = point_scores([0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 2, 0], label_count=3)
    assert scores["f1"] == pytest.approx((1 / 2 + 4 / 5 + 2 / 3) / 3)


def test_perfect_and_opposite_predictions() -> None:
    labels = [0, 1] * 20
    perfect = score(labels, labels, 2)
    assert (perfect.accuracy, perfect.f1, perfect.matthews_correlation) == (1, 1, 1)
    assert set(perfect.interval.values()) == {(1.0, 1.0)}
    opposite = score(labels, [1 - label for label in labels], 2)
    assert (opposite.accuracy, opposite.f1) == (0, 0)
    assert opposite.matthews_correlation == pytest.approx(-1)


@pytest.mark.parametrize(("label", "prediction"), [(0, 0), (1, 1), (0, 1), (1, 0)])
def test_one_class_and_one_example_are_defined(label: int, prediction: int) -> None:
    for n in (1, 30):
        scores = score([label] * n, [prediction] * n, 2)
        assert scores.accuracy == float(label == prediction)
        assert scores.matthews_correlation == 0
        assert scores.f1 == float(label == prediction == 1)


def test_a_model_that_predicts_one_class_has_no_correlation() -> None:
    scores = score([0, 1] * 30, [1] * 60, 2)
    assert scores.matthews_correlation == 0
    assert scores.interval["matthews_correlation"] == (0, 0)


@pytest.mark.parametrize("metric", METRICS)
def test_the_intervals_are_those_of_a_bootstrap_over_examples(metric: str) -> None:
    stats = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 2, 300)
    predictions = np.where(generator.random(300) < 0.8, labels, 1 - labels)

    def statistic(label: Sequence[int], prediction: Sequence[int]) -> float:
        return point_scores(label, prediction, 2)[metric]

    independent = stats.bootstrap(
        (labels, predictions), statistic, paired=True, vectorized=False, n_resamples=300, method="percentile", rng=5
    ).confidence_interval
    ours = score(labels.tolist(), predictions.tolist(), 2).interval[metric]
    assert ours == pytest.approx((independent.low, independent.high), abs=0.03)


def test_the_interval_of_the_accuracy_is_the_binomial_one() -> None:
    labels, predictions = cases({HIT: 450, FALSE_ALARM: 60, MISS: 40, REJECTION: 450})
    low, high = score(labels, predictions, 2).interval["accuracy"]
    spread = 1.96 * math.sqrt(0.9 * 0.1 / 1000)
    assert (low, high) == pytest.approx((0.9 - spread, 0.9 + spread), abs=0.004)


def test_a_rare_class_that_resamples_leave_out_does_not_pull_the_macro_mean_down() -> None:
    labels = [0] * 30 + [1] * 30 + [2]
    assert score(labels, labels, 3).interval["f1"] == (1, 1)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 4).flatmap(
        lambda k: st.tuples(
            st.just(k), st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), min_size=1, max_size=40)
        )
    )
)
def test_every_score_lies_in_its_range_and_its_interval_is_ordered(case: tuple[int, list[tuple[int, int]]]) -> None:
    label_count, pairs = case
    labels, predictions = [label for label, _ in pairs], [prediction for _, prediction in pairs]
    scores = score(labels, predictions, label_count)
    assert scores.n == len(pairs)
    for name in METRICS:
        low, high = scores.interval[name]
        floor = -1 if name == "matthews_correlation" else 0
        assert floor - 1e-9 <= low <= high <= 1 + 1e-9
        assert floor - 1e-9 <= getattr(scores, name) <= 1 + 1e-9
    assert {name: getattr(scores, name) for name in METRICS} == point_scores(labels, predictions, label_count)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 4).flatmap(
        lambda k: st.lists(st.lists(st.integers(0, 6), min_size=k, max_size=k), min_size=k, max_size=k)
    )
)
def test_the_formulas_of_the_resamples_are_those_of_scikit_learn(confusion: list[list[int]]) -> None:
    table = np.array([confusion])
    if not table.any():
        return
    counts = {(label, guess): n for label, row in enumerate(confusion) for guess, n in enumerate(row)}
    ours = {name: values[0] for name, values in confusion_metrics(table).items()}
    assert ours == pytest.approx(point_scores(*cases(counts), len(confusion)), abs=1e-12)


def test_the_order_of_the_examples_does_not_matter_and_the_seed_fixes_the_interval() -> None:
    labels, predictions = cases({HIT: 20, FALSE_ALARM: 5, MISS: 7, REJECTION: 9})
    one = score(labels, predictions, 2, seed=1)
    assert score(labels[::-1], predictions[::-1], 2, seed=1) == one
    assert score(labels, predictions, 2, seed=2).interval != one.interval


def test_json_holds_every_figure() -> None:
    scores = score([0, 1, 1, 0], [0, 1, 0, 0], 2)
    data = json.loads(json.dumps(scores.as_json(), allow_nan=False))
    assert set(data) == {*METRICS, "n", "interval"}
    assert data["accuracy"] == 0.75
    assert data["n"] == 4
    assert set(data["interval"]) == set(METRICS)
    assert all(len(bounds) == 2 for bounds in data["interval"].values())


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([], [], "as many predictions as labels, at least one"),
        ([0, 1], [0], r"as many predictions as labels.*2 and 1"),
        ([0, 2], [0, 1], r"classes from 0 to 1\. Received: values from 0 to 2"),
        ([0, 1], [0, -1], r"classes from 0 to 1\. Received: values from -1 to 1"),
    ],
)
def test_what_cannot_be_scored_is_an_error(labels: list[int], predictions: list[int], message: str) -> None:
    for compute in (score, point_scores):
        with pytest.raises(DataError, match=message):
            compute(labels, predictions, 2)


def test_correlations_are_those_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(0)
    truths = generator.integers(0, 6, 200).astype(float)
    predictions = truths + generator.normal(0, 1.5, 200)
    found = score_numbers(truths.tolist(), predictions.tolist())
    assert found["pearson"] == pytest.approx(stats.pearsonr(truths, predictions).statistic)
    assert found["spearman"] == pytest.approx(stats.spearmanr(truths, predictions).statistic)
    for name, test in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
        independent = stats.bootstrap(
            (truths, predictions),
            partial(_statistic, test),
            paired=True,
            vectorized=False,
            n_resamples=500,
            method="percentile",
            rng=1,
        ).confidence_interval
        assert found["interval"][name] == pytest.approx([independent.low, independent.high], abs=0.03)


def _statistic(test: Callable[..., Any], truths: Any, predictions: Any) -> float:
    return float(test(truths, predictions).statistic)


def test_constant_numbers_have_no_correlation_and_bad_ones_are_refused() -> None:
    assert score_numbers([1.0, 2.0, 3.0], [5.0, 5.0, 5.0])["pearson"] == 0
    assert score_numbers([1.0], [2.0])["interval"]["spearman"] == [0, 0]
    for truths, predictions, message in (
        ([], [], "as many"),
        ([1.0], [1.0, 2.0], "as many"),
        ([1.0], [math.nan], "finite"),
    ):
        with pytest.raises(DataError, match=message):
            score_numbers(truths, predictions)


def test_agreement_is_the_share_of_equal_predictions() -> None:
    assert agreement([0, 1, 2, 1], [0, 1, 1, 1]) == 0.75
    assert agreement([1], [1]) == 1
    with pytest.raises(DataError, match="as many"):
        agreement([1], [])
