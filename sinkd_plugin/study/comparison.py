"""The comparison of methods: what the final rows of a study say, by task and pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sinkd_plugin.study.config import StudyConfig
from sinkd_plugin.study.rows import Row
from sinkd_plugin.study.statistics import Difference, Summary, compare, gap_closed, holm, summarise


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One method on one task and pair.

    Args:
        task: Name of the task.
        pair: Name of the pair.
        method: Name of the method.
        setting: Its chosen setting, as JSON.
        scores: Over seeds; ``None`` where no run is done.
        difference: To the reference, paired by seed; ``None`` for the reference itself and where no seed is shared.
        corrected_p: The difference's p-value after Holm's correction over the tasks, for this method and pair.
        gap: Share of the gap between undistilled student and teacher that is closed; ``None`` where there is none.
        failed: Runs that failed.
        missing: Runs that have not been made.
    """

    task: str
    pair: str
    method: str
    setting: str
    scores: Summary | None
    difference: Difference | None
    corrected_p: float | None = None
    gap: float | None = None
    failed: int = 0
    missing: int = 0


def comparisons(study: StudyConfig, rows: Sequence[Row]) -> list[Comparison]:
    """Every method on every task and pair, in the order of the study.

    Args:
        study: The study.
        rows: Of its final cells.
    """
    found = [
        _comparison(study, rows, task, pair, method)
        for task in study.tasks
        for pair in study.pairs
        for method in study.methods
    ]
    return _corrected(study, found)


def _comparison(study: StudyConfig, rows: Sequence[Row], task: str, pair: str, method: str) -> Comparison:
    there = [row for row in rows if (row.task, row.pair) == (task, pair) and not row.ablation]
    own = [row for row in there if row.method == method]
    scores, reference = _scores(own), _scores(row for row in there if row.method == study.reference)
    shared = scores.keys() & reference.keys()
    return Comparison(
        task=task,
        pair=pair,
        method=method,
        setting=own[0].setting if own else "{}",
        scores=summarise(list(scores.values())) if scores else None,
        difference=compare(scores, reference) if shared and method != study.reference else None,
        gap=_gap(study, there, scores),
        failed=sum(row.status == "failed" for row in own),
        missing=sum(row.status == "missing" for row in own),
    )


def _scores(rows: Iterable[Row]) -> dict[int, float]:
    return {row.seed: row.score for row in rows if row.score is not None}


def _gap(study: StudyConfig, rows: Sequence[Row], scores: dict[int, float]) -> float | None:
    """Over the seeds that have all three: the student, the undistilled one, and the teacher."""
    undistilled = _scores(row for row in rows if row.method == study.undistilled)
    teachers = {row.seed: row.teacher for row in rows if row.teacher is not None}
    shared = sorted(scores.keys() & undistilled.keys() & teachers.keys())
    if not shared:
        return None

    def mean(of: dict[int, float]) -> float:
        return sum(of[seed] for seed in shared) / len(shared)

    return gap_closed(mean(scores), mean(undistilled), mean(teachers))


def _corrected(study: StudyConfig, found: list[Comparison]) -> list[Comparison]:
    corrected: dict[tuple[str, str, str], float] = {}
    for pair in study.pairs:
        for method in study.methods:
            tests = {
                each.task: each.difference.p_value
                for each in found
                if (each.pair, each.method) == (pair, method) and each.difference is not None
            }
            corrected |= {(task, pair, method): p_value for task, p_value in holm(tests).items()}
    return [replace(each, corrected_p=corrected.get((each.task, each.pair, each.method))) for each in found]
