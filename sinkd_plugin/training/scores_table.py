"""The scores of a run as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from sinkd_plugin.console import stdout

_AGREEMENT = "agreement_with_teacher"
_RISKS = ("likelihood_risk", "coverage_risk")
_NOT_SHOWN = ("rouge1", "rouge2")
"""Metrics that ``result.json`` has and a terminal has no room for."""


def print_scores(result: Mapping[str, Any]) -> None:
    """Print teacher, student and baselines of a run, each metric with its 95 % interval."""
    models = {"teacher": result["teacher"], "student": result["student"], **result["baselines"]}
    print_models(models, result["task"], result["scored_split"])


def print_model_scores(scores: Mapping[str, Any]) -> None:
    """Print what ``evaluate`` returned of one model."""
    print_models({scores["model"]: scores}, scores["task"])


def print_models(models: Mapping[str, Mapping[str, Any]], task: str, split: str = "test") -> None:
    """Print the scores of models by their names, and those on each further test split below."""
    _print_split(models, task, split)
    for further in next(iter(models.values())).get("further", {}):
        parts = {
            name: {**scores["further"][further], "parameters": scores["parameters"]} for name, scores in models.items()
        }
        _print_split(parts, task, further)


def _print_split(models: Mapping[str, Mapping[str, Any]], task: str, split: str) -> None:
    first = next(iter(models.values()))
    table = Table(title=f"{task}: {split} split, n = {first['n']}, 95 % bootstrap intervals")
    table.add_column("model", overflow="fold")
    compared = [_AGREEMENT] if any(_AGREEMENT in scores for scores in models.values()) else []
    risks = _RISKS if any("sequences" in scores for scores in models.values()) else ()
    metrics = [metric for metric in first["test"] if metric not in _NOT_SHOWN]
    for heading in ("parameters", *metrics, *("same as_teacher" for _ in compared), *risks):
        table.add_column(heading.replace("_", "\n" if risks else " "), justify="right", no_wrap=True)
    for name, scores in models.items():
        cells = [_cell(scores, metric) for metric in metrics]
        beside = [*(_agreement(scores) for _ in compared), *(_risk(scores, name) for name in risks)]
        table.add_row(name, f"{scores['parameters'] / 1e6:.1f} M", *cells, *beside)
    stdout.print(table)


def _cell(scores: Mapping[str, Any], metric: str) -> str:
    low, high = scores["interval"][metric]
    return f"{scores['test'][metric]:.3f}\n({low:.3f}–{high:.3f})"


def _agreement(scores: Mapping[str, Any]) -> str:
    share = scores.get(_AGREEMENT)
    return "" if share is None else f"{share:.1%}"


def _risk(scores: Mapping[str, Any], name: str) -> str:
    found = scores.get("sequences", {}).get(name)
    return "" if found is None else f"{found:.3f}"
