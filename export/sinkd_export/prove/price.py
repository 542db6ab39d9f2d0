"""What a lower precision costs, and whether that is too much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sinkd_export.prove.proof import VariantRecord
from sinkd_export.trial import SPLIT, Trial


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a lower precision costs.

    Args:
        variant: The form that was asked for.
        kept: Whether it is shipped.
        lost: PyTorch's score minus its score; without a task, the share of rows whose label or token changes, which a
            loss of accuracy cannot exceed. ``None`` if it does not run.
        measured_as: What ``lost`` is.
        tolerance: What it may be at most.
        reason: Why it is not kept.
        instruction_sets: Of the processor it was measured on: int8 rounds otherwise where there is no VNNI.
    """

    variant: str
    kept: bool
    lost: float | None
    measured_as: str
    tolerance: float
    reason: str | None
    instruction_sets: tuple[str, ...]


def price_of(
    record: VariantRecord,
    pytorch: VariantRecord,
    problems: Sequence[str],
    *,
    trial: Trial | None,
    tolerance: float,
    instruction_sets: tuple[str, ...],
) -> Price:
    """Judge a lower precision.

    Args:
        record: What was found of it.
        pytorch: What was found of PyTorch.
        problems: What is wrong with its form or values.
        trial: The task it was scored on.
        tolerance: What it may cost.
        instruction_sets: Of this processor.
    """
    lost = None if problems else _lost(record, pytorch)
    reason = "; ".join(problems) or None
    measured_as = _measured_as(record, trial)
    if lost is not None and lost > tolerance:
        reason = f"it costs {lost:.4f} ({measured_as}), more than the tolerance of {tolerance:g}"
    return Price(
        variant=record.name,
        kept=reason is None,
        lost=lost,
        measured_as=measured_as,
        tolerance=tolerance,
        reason=reason,
        instruction_sets=instruction_sets,
    )


def _lost(record: VariantRecord, pytorch: VariantRecord) -> float | None:
    if record.score is not None and pytorch.score is not None:
        return pytorch.score - record.score
    if record.parity is None:
        return None
    return 1 - record.parity.cases[0].argmax_agreement


def _measured_as(record: VariantRecord, trial: Trial | None) -> str:
    if record.score is None or trial is None:
        return "share of the real sentences' rows whose label or next token changes"
    return f"{trial.metric} on the {SPLIT} split of {trial.task}, n = {len(trial.texts)}"
