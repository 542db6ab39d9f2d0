"""Parity is judged on the largest difference and on every label; nothing that fails goes unnamed."""

from __future__ import annotations

import numpy as np
import pytest

from sinkd_export.prove.parity import Parity, compare, parity_problems, summarise

EXPECTED = np.array([[0.0, 10.0], [4.0, 2.0]], dtype=np.float32)


def parity_of(actual: np.ndarray, tolerance: float = 1e-3) -> Parity:
    return summarise([compare("case", EXPECTED, actual.astype(np.float32))], 10.0, tolerance)


def test_equal_logits_have_no_difference() -> None:
    parity = parity_of(EXPECTED)
    assert parity.relative_difference == 0
    assert parity.logit_range == 10
    assert parity_problems(parity) == []


def test_difference_is_relative_to_the_range_of_the_logits() -> None:
    parity = parity_of(EXPECTED + np.array([[0.0, 0.0], [0.5, 0.0]]))
    assert parity.relative_difference == pytest.approx(0.05)
    assert parity.cases[0].mean_difference == pytest.approx(0.125)
    assert len(parity_problems(parity)) == 1
    assert parity_problems(parity_of(EXPECTED + 0.5, tolerance=0.051)) == []


def test_a_flipped_label_fails_however_small_the_difference() -> None:
    expected = np.array([[1.0, 1.0 + 1e-6], [-5.0, 5.0]], dtype=np.float32)
    swapped = np.array([[1.0 + 1e-6, 1.0], [-5.0, 5.0]], dtype=np.float32)
    case = compare("tie", expected, swapped)
    problems = parity_problems(summarise([case], 10.0, 1e-3))
    assert problems == ["tie: 50.0% of 2 labels differ"]


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_never_passes(poison: float) -> None:
    actual = EXPECTED.copy()
    actual[0, 1] = poison
    assert parity_problems(parity_of(actual, tolerance=1e9))


def test_every_failing_case_is_named() -> None:
    cases = [compare(name, EXPECTED, -EXPECTED) for name in ("first", "second")]
    problems = " ".join(parity_problems(summarise(cases, 10.0, 1e-3)))
    assert problems.count("first") == 2
    assert problems.count("second") == 2
