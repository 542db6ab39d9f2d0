"""What ``sinkd bench --json`` writes is what a study reads, though neither room knows the other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sinkd_export.bench import BenchOptions, Shape, bench
from sinkd_plugin.study.latency import read_timings


def test_a_study_reads_the_latencies_of_its_students(make_model: Callable[..., Path], tmp_path: Path) -> None:
    student = tmp_path / "students" / "cola" / "small" / "kl"
    shutil.copytree(make_model(labels=2), student)
    report = bench([str(student)], BenchOptions(shapes=(Shape(batch=1, length=8),), rounds=3, memory=False))
    path = tmp_path / "latency.json"
    path.write_text(json.dumps(report.to_dict()), encoding="utf-8")
    (timing,) = read_timings(path)
    assert (timing.task, timing.pair, timing.method) == ("cola", "small", "kl")
    assert timing.milliseconds == pytest.approx(report.measurements[0].latency_ms.p50)
    assert (timing.backend, timing.shape) == ("pytorch eager", "batch 1 × 8 tokens")
