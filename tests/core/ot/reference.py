"""The distance once more, from the paper's equations alone: NumPy, loops, logarithms; shares nothing with the product.

Rows and classes that do not count are dropped before anything is computed. Gradients are differences of values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The options of the product that say what is computed; the names and defaults are the same."""

    temperature: float = 2.0
    regularization: float = 0.1
    iterations: int = 20
    p: float | str = 1
    reduction: str = "mean"
    cost: str = "batch"
    rows: str = "student"
    debiased: bool = False
    value: str = "transport"
    pairing_penalty: float = 0.0
    pairing: str = "consistent"


def value(
    student: Array, teacher: Array, setting: Setting, student_weights: Array | None = None, teacher_weights: Any = None
) -> float:
    """The distance of two matrices of logits, with the weights of their rows."""
    w_s = np.ones(len(student)) if student_weights is None else student_weights
    w_t = w_s if teacher_weights is None else teacher_weights
    s, t = probabilities(student, setting.temperature), probabilities(teacher, setting.temperature)
    found = _mean(s, t, w_s, w_t, setting)
    if setting.debiased:
        found -= (_mean(s, s, w_s, w_s, setting) + _mean(t, t, w_t, w_t, setting)) / 2
    rows = np.count_nonzero(w_s) * (s.shape[1] if setting.cost == "flattened" else 1)
    return found * rows if setting.reduction == "sum" else found


def _mean(s: Array, t: Array, w_s: Array, w_t: Array, setting: Setting) -> float:
    here, there = np.flatnonzero(w_s), np.flatnonzero(w_t)
    a, b = w_s[here] / w_s.sum(), w_t[there] / w_t.sum()
    if setting.cost == "sample":
        each = [share * _of_classes(s[i], t[i], setting) for share, i in zip(a, here, strict=True)]
        return float(sum(each))
    if setting.cost == "flattened":
        classes = s.shape[1]
        x, y = s[here].ravel(), t[there].ravel()
        return _solved(
            np.abs(x[:, None] - y), np.repeat(a, classes) / classes, np.repeat(b, classes) / classes, setting
        )
    paired = here[:, None] == there
    return _solved(row_costs(s[here], t[there], setting.p), a, b, setting, setting.pairing_penalty * ~paired)


def _of_classes(s: Array, t: Array, setting: Setting) -> float:
    """One row: the masses of its classes are the probabilities (Eq. 5), the costs between them Eq. 7."""
    x, y = (s, t) if setting.pairing == "consistent" else (t, s)
    return _solved(np.abs(x[:, None] - y), s, t, setting)


def row_costs(s: Array, t: Array, p: float | str) -> Array:
    """``D_ij = ||s_i - t_j||_p`` (Eq. 13)."""
    differences = s[:, None] - t
    norms: Array = np.linalg.norm(differences, ord=math.inf if p == "inf" else float(p), axis=-1)
    return norms


def _solved(cost: Array, a: Array, b: Array, setting: Setting, penalty: Array | float = 0.0) -> float:
    planned = cost + penalty
    if setting.rows == "student":
        plan = plan_after(planned, a, b, setting.regularization, setting.iterations)
    else:
        plan = plan_after(planned.T, b, a, setting.regularization, setting.iterations).T
    found = float((plan * cost).sum())
    if setting.value == "entropic":
        logarithms = np.log(np.where(plan > 0, plan, 1.0))
        found += setting.regularization * float((plan * logarithms).sum())
    return found


def plan_after(cost: Array, a: Array, b: Array, regularization: float, iterations: int) -> Array:
    """T sweeps over rows and then columns from ``v = 1`` (Eqs. 14-17)."""
    f, g = np.zeros(len(a)), np.zeros(len(b))
    for _ in range(iterations):
        f = np.array([math.log(a[i]) - _log_sum(g - cost[i] / regularization) for i in range(len(a))])
        g = np.array([math.log(b[j]) - _log_sum(f - cost[:, j] / regularization) for j in range(len(b))])
    plan: Array = np.exp(f[:, None] + g - cost / regularization)
    return plan


def _log_sum(terms: Array) -> float:
    largest = terms.max()
    return float(largest + np.log(np.exp(terms - largest).sum()))


def probabilities(logits: Array, temperature: float) -> Array:
    """Row by row the softmax."""
    shifted = (logits - logits.max(axis=1, keepdims=True)) / temperature
    odds: Array = np.exp(shifted)
    odds /= odds.sum(axis=1, keepdims=True)
    return odds


def gradient(function: Callable[[Array], float], at: Array) -> tuple[Array, Array]:
    """Fourth-order central differences, and how far each of them may be off.

    By as much as those of another step differ; and where the function has a kink nearby, by the jump of its slope,
    which central differences hide at any step: only where it is smooth, second differences grow with the step's square.
    """
    step = 1e-4
    found, error = np.zeros_like(at), np.zeros_like(at)
    here = function(at)
    for place in np.ndindex(*at.shape):
        unit = np.zeros_like(at)
        unit[place] = step
        ahead, behind = ([function(at + sign * k * unit) for k in (1, 2, 4)] for sign in (1, -1))
        slopes = [(after - before) / (2 * step) for after, before in zip(ahead, behind, strict=True)]
        fine, coarse = (8 * slopes[0] - slopes[1]) / 6, (8 * slopes[1] - slopes[2]) / 12
        bends = [(after + before - 2 * here) / step for after, before in zip(ahead, behind, strict=True)]
        found[place] = fine
        error[place] = max(abs(fine - coarse), abs(2 * bends[0] - bends[1] / 2), abs(bends[1] - bends[2] / 4))
    return found, error


def exact(cost: Array, a: Array, b: Array) -> tuple[float, Array]:
    """Least cost of any plan with these marginals, and such a plan: the limit of no entropy, by linear programming."""
    n, m = cost.shape
    sums = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    solution = linprog(cost.ravel(), A_eq=sums[:-1], b_eq=np.r_[a, b][:-1], method="highs")
    if solution.status != 0:
        raise ValueError(solution.message)
    plan: Array = solution.x.reshape(n, m)
    return float(solution.fun), plan
