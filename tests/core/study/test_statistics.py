"""The statistics of a study, on results whose answer is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinkd_plugin.errors import DataError
from sinkd_plugin.study.statistics import compare, gap_closed, holm, sign_flip_test, smallest_p, summarise

LEVEL = 0.05
STUDIES = 1000


def by_seed(scores: np.ndarray) -> dict[int, float]:
    return dict(enumerate(scores.tolist()))


def test_summary_is_the_textbook_one() -> None:
    found = summarise([0.8, 0.9, 1.0])
    assert found.n == 3
    assert found.mean == pytest.approx(0.9)
    assert found.deviation == pytest.approx(0.1)
    assert summarise([0.5]).deviation is None


@pytest.mark.parametrize("scores", [[], [0.5, math.nan]])
def test_scores_must_be_there_and_finite(scores: list[float]) -> None:
    with pytest.raises(DataError, match="all of them finite"):
        summarise(scores)


def test_a_clear_difference_has_the_smallest_p_value_there_is() -> None:
    reference = np.linspace(0.80, 0.84, 8)
    found = compare(by_seed(reference + 0.02 + np.linspace(0, 0.004, 8)), by_seed(reference))
    assert found.p_value == pytest.approx(smallest_p(8))
    assert found.low is not None
    assert found.low > 0
    assert found.mean == pytest.approx(0.022)


def test_the_p_value_is_the_share_of_sign_patterns_at_least_as_extreme() -> None:
    differences = np.array([0.03, -0.01, 0.02, 0.015])
    patterns = np.array([[1 if mask >> bit & 1 else -1 for bit in range(4)] for mask in range(16)])
    extreme = np.abs((patterns * differences).mean(1)) >= differences.mean() - 1e-12
    found = compare(by_seed(differences), by_seed(np.zeros(4)))
    assert found.p_value == pytest.approx(extreme.mean())


def test_only_common_seeds_are_compared() -> None:
    found = compare({0: 1.0, 1: 1.0, 7: 100.0}, {0: 0.5, 1: 0.5, 8: -100.0})
    assert (found.n, found.mean) == (2, 0.5)


def test_methods_without_a_common_seed_cannot_be_compared() -> None:
    with pytest.raises(DataError, match="seeds that both have"):
        compare({0: 1.0}, {1: 1.0})


def test_one_pair_says_nothing() -> None:
    found = compare({0: 1.0}, {0: 0.0})
    assert (found.low, found.high, found.p_value) == (None, None, 1.0)


def test_equal_differences_have_an_interval_of_no_width() -> None:
    found = compare({0: 0.75, 1: 0.5}, {0: 0.5, 1: 0.25})
    assert (found.low, found.high) == (0.25, 0.25)


@pytest.mark.parametrize("pairs", [5, 8])
def test_no_difference_is_seldom_found_where_there_is_none(pairs: int) -> None:
    """1,000 simulated studies without a difference: the share of false alarms is at most the level."""
    generator = np.random.default_rng(pairs)
    alarms = 0
    for _ in range(STUDIES):
        luck = generator.normal(0.85, 0.01, pairs)  # of the seed, shared by both methods
        scores = luck + generator.normal(0, 0.005, (2, pairs))
        alarms += sign_flip_test(scores[0] - scores[1]) <= LEVEL
    # three standard errors of a binomial share above the level at most
    assert alarms / STUDIES <= LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / STUDIES)


def test_false_alarms_over_several_tasks_are_held_at_the_level() -> None:
    """1,000 simulated studies of four tasks without a difference: any alarm in a study counts."""
    generator = np.random.default_rng(4)
    alarms = 0
    for _ in range(STUDIES):
        scores = generator.normal(0, 1, (4, 2, 8))
        corrected = holm({str(task): sign_flip_test(a - b) for task, (a, b) in enumerate(scores)})
        alarms += min(corrected.values()) <= LEVEL
    assert alarms / STUDIES <= LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / STUDIES)


def test_a_difference_is_found_where_there_is_one() -> None:
    generator = np.random.default_rng(0)
    found = 0
    for _ in range(200):
        luck = generator.normal(0.85, 0.01, 8)
        found += sign_flip_test(luck + generator.normal(0.01, 0.005, 8) - luck) <= LEVEL
    assert found > 190


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(150):
        found = compare(by_seed(generator.normal(0.3, 1, 20)), by_seed(np.zeros(20)))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.3 <= found.high
    assert 0.88 <= covered / 150 <= 0.99


def test_holm_by_hand() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == {"a": pytest.approx(0.03), "c": 0.06, "b": 0.06}
    assert holm({}) == {}


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=8))
def test_holm_never_makes_a_p_value_smaller_nor_changes_their_order(p_values: dict[str, float]) -> None:
    corrected = holm(p_values)
    assert corrected.keys() == p_values.keys()
    ordered = sorted(p_values, key=lambda name: p_values[name])
    assert all(p_values[name] <= corrected[name] <= 1 for name in p_values)
    assert all(corrected[a] <= corrected[b] for a, b in itertools.pairwise(ordered))


def test_the_gap_closed() -> None:
    assert gap_closed(0.85, 0.80, 0.90) == pytest.approx(0.5)
    assert gap_closed(0.79, 0.80, 0.90) == pytest.approx(-0.1)
    assert gap_closed(0.85, 0.90, 0.90) is None
