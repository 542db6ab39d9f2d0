"""Value and gradient of every cost and option against an independent implementation, on logits nobody chose."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sinkd_plugin.options import validate
from sinkd_plugin.ot.options import TransportOptions
from sinkd_plugin.ot.transport import sinkhorn_distance
from tests.core.ot import reference
from tests.core.ot.reference import Array, Setting

pytestmark = pytest.mark.usefixtures("each_engine")

Weights = tuple[Array | None, Array | None]


def found(student: Array, teacher: Array, setting: Setting, weights: Weights) -> tuple[float, Array]:
    leaf = torch.from_numpy(student).clone().requires_grad_()
    masses = {
        name: None if side is None else torch.from_numpy(side)
        for name, side in zip(("student_weights", "teacher_weights"), weights, strict=True)
    }
    options = validate(TransportOptions, asdict(setting))
    result = sinkhorn_distance(leaf, torch.from_numpy(teacher), options, **masses)
    (gradient,) = torch.autograd.grad(result.value, leaf)
    return result.value.item(), gradient.numpy()


def assert_same(student: Array, teacher: Array, setting: Setting, weights: Weights = (None, None)) -> None:
    value, gradient = found(student, teacher, setting, weights)

    def expected(logits: Array) -> float:
        return reference.value(logits, teacher, setting, *weights)

    assert value == pytest.approx(expected(student), rel=1e-9, abs=1e-12)
    differences, uncertainty = reference.gradient(expected, student)
    allowed = np.maximum(max(1e-7 * np.abs(differences).max(), 1e-9), 4 * uncertainty)
    assert (np.abs(gradient - differences) <= allowed).all()


@st.composite
def settings_of_costs(draw: st.DrawFn) -> Setting:
    cost = draw(st.sampled_from(["batch", "flattened", "sample"]))
    own: dict[str, Any] = {}
    if cost == "batch":
        own["p"] = draw(st.sampled_from([1, 2, "inf"]))
        own["pairing_penalty"] = draw(st.sampled_from([0.0, 0.2, 3.0]))
    if cost == "sample":
        own["pairing"] = draw(st.sampled_from(["consistent", "literal"]))
    return Setting(
        cost=cost,
        temperature=draw(st.sampled_from([0.7, 2.0, 5.0])),
        regularization=10 ** draw(st.floats(-3, 1)),
        iterations=draw(st.sampled_from([1, 2, 7, 20])),
        reduction=draw(st.sampled_from(["mean", "sum"])),
        rows=draw(st.sampled_from(["student", "teacher"])),
        debiased=draw(st.booleans()),
        value=draw(st.sampled_from(["transport", "entropic"])),
        **own,
    )


@st.composite
def row_weights(draw: st.DrawFn, rows: int) -> Weights:
    """None, one for both sides, or each its own; some are zero."""
    kind = draw(st.sampled_from(["none", "one", "both"]))
    if kind == "none":
        return None, None
    numbers = st.lists(st.sampled_from([0.0, 0.3, 1.0, 4.0]), min_size=rows, max_size=rows).filter(any)
    first = np.array(draw(numbers))
    return first, np.array(draw(numbers)) if kind == "both" else None


def touches_a_kink(student: Array, teacher: Array, temperature: float) -> bool:
    """Whether two probabilities may change places within the steps of the differences: |x - y| has no slope there."""
    logits = np.stack([student, teacher]) / temperature
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    points = np.sort((shares / shares.sum(-1, keepdims=True)).flatten())
    reach = 3e-4 / temperature * points * (1 - points)  # twice the step of 1e-4, and half as much again
    return bool((np.diff(points) <= reach[1:] + reach[:-1]).any())


@settings(max_examples=100, deadline=None)
@given(data=st.data(), setting=settings_of_costs(), seed=st.integers(0, 2**32 - 1))
def test_any_cost_option_and_weights(data: st.DataObject, setting: Setting, seed: int) -> None:
    rows, classes = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    student, teacher = np.random.default_rng(seed).normal(scale=2.5, size=(2, rows, classes))
    weights = data.draw(row_weights(rows))
    assume(classes == 1 or not touches_a_kink(student, teacher, setting.temperature))
    assert_same(student, teacher, setting, (weights[0], None) if setting.cost == "sample" else weights)


@pytest.mark.parametrize("rows", ["student", "teacher"])
@pytest.mark.parametrize("weighted", [False, True])
def test_two_classes_of_so_many_rows_that_they_are_sorted(rows: str, weighted: bool) -> None:
    """The value; the gradient by one logit, since differences of so many would take minutes."""
    random = np.random.default_rng(3)
    student, teacher = random.normal(scale=2.0, size=(2, 520, 2))
    weights = random.integers(0, 3, size=(2, 520)).astype(float)
    setting = Setting(rows=rows, iterations=3, reduction="sum")
    arguments: Weights = (weights[0], weights[1]) if weighted else (None, None)
    value, gradient = found(student, teacher, setting, arguments)
    assert value == pytest.approx(reference.value(student, teacher, setting, *arguments), rel=1e-9)
    row = int(np.flatnonzero(weights[0])[0])

    def moved(logit: Array) -> float:
        changed = student.copy()
        changed[row, 0] = logit[0]
        return reference.value(changed, teacher, setting, *arguments)

    differences, uncertainty = reference.gradient(moved, student[row, :1])
    assert abs(gradient[row, 0] - differences[0]) <= max(1e-7 * abs(differences[0]), 4 * uncertainty[0])
    assert not np.any(gradient[weights[0] == 0]) or not weighted


@pytest.mark.parametrize("pairing", ["consistent", "literal"])
@pytest.mark.parametrize("regularization", [1e-3, 0.1])
def test_rows_of_a_thousand_classes(pairing: str, regularization: float) -> None:
    """By the line, against the matrix; the derivatives along one direction."""
    random = np.random.default_rng(5)
    student, teacher, direction = random.normal(scale=3.0, size=(3, 1, 1000))
    setting = Setting(cost="sample", pairing=pairing, regularization=regularization, iterations=2, temperature=1.0)
    value, gradient = found(student, teacher, setting, (None, None))

    def along(step: Array) -> float:
        return reference.value(student + step[0] * direction, teacher, setting)

    assert value == pytest.approx(along(np.zeros(1)), rel=1e-9)
    slope, uncertainty = reference.gradient(along, np.zeros(1))
    assert abs((gradient * direction).sum() - slope[0]) <= max(1e-7 * abs(slope[0]), 4 * uncertainty[0])


@pytest.mark.parametrize(("pairing", "swap", "cycle"), [("consistent", True, True), ("literal", True, False)])
def test_sample_wise_is_blind_to_which_class_is_which(pairing: str, swap: bool, cycle: bool) -> None:
    """A student that is sure of the wrong class is as near as the teacher itself, whatever the order if consistent."""
    teacher = torch.tensor([[4.0, 1.0, -2.0]]).double()
    options = TransportOptions(cost="sample", pairing=pairing, regularization=2e-3, iterations=3000)
    swapped, cycled = teacher[:, [1, 0, 2]], teacher[:, [1, 2, 0]]
    for student, blind in ((swapped, swap), (cycled, cycle)):
        value = sinkhorn_distance(student, teacher, options).value.item()
        assert (value < 1e-3) == blind


@pytest.mark.parametrize("cost", ["batch", "flattened", "sample"])
@pytest.mark.parametrize("pairing", ["consistent", "literal"])
def test_without_entropy_it_is_the_exact_transport(cost: str, pairing: str) -> None:
    """λ → 0 against a linear programme."""
    student, teacher = np.random.default_rng(11).normal(scale=2.0, size=(2, 3, 4))
    s, t = (reference.probabilities(logits, 2.0) for logits in (student, teacher))
    even = np.full(12, 1 / 12)
    x, y = (s, t) if pairing == "consistent" else (t, s)
    if cost == "batch":
        expected, _ = reference.exact(reference.row_costs(s, t, 1), even[:3] * 4, even[:3] * 4)
    elif cost == "flattened":
        expected, _ = reference.exact(np.abs(s.reshape(-1, 1) - t.ravel()), even, even)
    else:
        rows = [reference.exact(np.abs(x[i][:, None] - y[i]), s[i], t[i])[0] for i in range(3)]
        expected = sum(rows) / 3
    options = {"cost": cost, "regularization": 1e-3, "iterations": 5000}
    options.update({"pairing": pairing} if cost == "sample" else {})
    result = sinkhorn_distance(
        torch.from_numpy(student), torch.from_numpy(teacher), validate(TransportOptions, options)
    )
    assert result.value.item() == pytest.approx(expected, abs=2e-3)
    assert math.isclose(float((result.plan * result.cost).sum()), result.value.item(), rel_tol=1e-9)
