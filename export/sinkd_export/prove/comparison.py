"""One model compared with another, case by case; what fails is written down and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sinkd_export.prove.parity import CaseParity, Parity, compare, compare_tokens, joined, summarise


@dataclass(frozen=True, kw_only=True)
class Case:
    """One batch of inputs, and what PyTorch makes of it.

    Args:
        name: What the inputs are; batches of one name count as one case.
        compute: What to do with a model.
        expected: What PyTorch gives: logits ``(rows, classes)``, or written tokens (whole numbers).
    """

    name: str
    compute: Callable[[Any], NDArray[Any]]
    expected: NDArray[Any]


def compared(cases: Sequence[Case], model: Any, tolerance: float | None) -> tuple[Parity | None, list[str]]:
    """Run a model on all cases.

    Args:
        cases: The cases.
        model: What to give to each case's ``compute``.
        tolerance: The gate of the parity.

    Returns:
        The parity on the cases that ran (``None`` if none did), and what went wrong in the others.
    """
    found: dict[str, list[CaseParity]] = {}
    problems: list[str] = []
    for case in cases:
        result = _on_case(case, model)
        if isinstance(result, CaseParity):
            found.setdefault(case.name, []).append(result)
        else:
            problems.append(result)
    parts = [joined(batches) for batches in found.values()]
    return (summarise(parts, _logit_range(cases), tolerance) if parts else None), problems


def _on_case(case: Case, model: Any) -> CaseParity | str:
    try:
        actual = case.compute(model)
    except Exception as error:  # a runtime's exceptions are its own; each case must be judged all the same
        return f"{case.name}: it does not run ({_first_line(error)})"
    if actual.shape != case.expected.shape:
        return f"{case.name}: the result has shape {actual.shape}, not {case.expected.shape}"
    tokens = np.issubdtype(case.expected.dtype, np.integer)
    return (compare_tokens if tokens else compare)(case.name, case.expected, actual)


def _logit_range(cases: Sequence[Case]) -> float:
    logits = [case.expected for case in cases if np.issubdtype(case.expected.dtype, np.floating)]
    return max(float(values.max()) for values in logits) - min(float(values.min()) for values in logits)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
