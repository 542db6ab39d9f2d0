"""Score against latency: what is read of a bench record, and which students nobody beats."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sinkd_plugin.errors import DataError
from sinkd_plugin.study.comparison import comparisons
from sinkd_plugin.study.config import StudyConfig
from sinkd_plugin.study.figures import latency_figure
from sinkd_plugin.study.latency import offers, read_timings
from sinkd_plugin.study.report import write_report
from sinkd_plugin.study.rows import Row

MakeRow = Callable[..., Row]
MakeStudy = Callable[..., StudyConfig]


def record(folder: Path, milliseconds: dict[str, float]) -> Path:
    """A bench record with the keys that are read, one model for each path, at two shapes."""
    path = folder / "latency.json"
    shapes = [{"batch": 1, "length": 16}, {"batch": 8, "length": 128}]
    models = [{"name": name, "reference": name, "backend": "onnxruntime"} for name in milliseconds]
    measurements = [
        {"model": name, "shape": shape, "latency_ms": {"p50": time * shape["batch"]}}
        for name, time in milliseconds.items()
        for shape in shapes
    ]
    path.write_text(json.dumps({"models": models, "measurements": measurements}), encoding="utf-8")
    return path


def test_students_are_known_by_their_folders(tmp_path: Path) -> None:
    path = record(tmp_path, {"runs/teacher": 9.0, "out/cola/small/kl": 2.5})
    timing = {(each.task, each.pair, each.method): each for each in read_timings(path)}["cola", "small", "kl"]
    assert (timing.milliseconds, timing.shape, timing.backend) == (2.5, "batch 1 × 16 tokens", "onnxruntime")


@pytest.mark.parametrize(
    "content", [{}, {"models": [], "measurements": []}, [1], {"models": [{}], "measurements": [{}]}]
)
def test_another_file_is_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "latency.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match="must be a record of sinkd bench --json"):
        read_timings(path)


def test_a_record_without_students_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must hold students of the study"):
        read_timings(record(tmp_path, {"model": 1.0}))


def test_the_best_are_those_that_no_other_one_beats(make_study: MakeStudy, make_row: MakeRow, tmp_path: Path) -> None:
    study = make_study(pairs={"small": {}, "large": {}})
    scores = {("small", "kl"): 0.5, ("small", "sinkd"): 0.4, ("large", "kl"): 0.6, ("large", "sinkd"): 0.45}
    rows = [make_row(pair=pair, method=method, score=score) for (pair, method), score in scores.items()]
    times = {"o/cola/small/kl": 1.0, "o/cola/small/sinkd": 1.0, "o/cola/large/kl": 2.0, "o/cola/large/sinkd": 2.0}
    found = offers(read_timings(record(tmp_path, times)), comparisons(study, rows), "cola")
    assert {(each.timing.pair, each.timing.method) for each in found if each.best} == {("small", "kl"), ("large", "kl")}
    figure = latency_figure(study, found, "accuracy")
    assert figure is not None
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "small, onnxruntime",
        "large, onnxruntime",
    ]


def test_the_report_has_the_figure(make_study: MakeStudy, make_row: MakeRow, tmp_path: Path) -> None:
    path = record(tmp_path, {"o/cola/small/kl": 1.0})
    study = make_study(results=tmp_path / "results", latency=path)
    page = write_report(study, [make_row()], "sinkd study paper.yaml").read_text(encoding="utf-8")
    assert "Score against latency, cola" in page
