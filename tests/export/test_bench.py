"""Timings are interleaved, complete and honest about what disturbed them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest
import torch

from sinkd_export.bench import BenchOptions, BenchReport, Shape, bench
from sinkd_export.bench.interleaved import (
    FEWEST_ROUNDS,
    MOST_WARMUP_ROUNDS,
    Times,
    rounds_within,
    timed_rounds,
    warm_up,
)
from sinkd_export.bench.options import parse_shape
from sinkd_export.bench.records import Load
from sinkd_export.bench.statistics import measurement
from sinkd_export.bench.trust import warnings_about
from sinkd_plugin.errors import ConfigError, StorageError, UserError
from sinkd_plugin.options import validate

SMALL = Shape(batch=2, length=16)


@pytest.fixture(scope="module")
def report(classifier: Path, exported: Path) -> BenchReport:
    return bench([str(classifier), str(exported)], BenchOptions(shapes=(SMALL,), rounds=20, memory=True))


def test_report_has_every_model_at_every_shape(report: BenchReport) -> None:
    assert [(found.model, found.shape) for found in report.measurements] == [("classifier", SMALL), ("exported", SMALL)]
    assert [model.backend for model in report.models] == ["pytorch", "onnxruntime"]
    assert [model.form for model in report.models] == ["eager", "fp32"]
    assert all(model.size_bytes > 10_000 for model in report.models)
    assert report.traffic is None
    assert report.unavailable == ()
    assert report.machine.available_cpus >= 1
    assert report.versions["torch"] == torch.__version__


def test_statistics_follow_from_the_raw_values(report: BenchReport) -> None:
    first, second = report.measurements
    assert first.ratio == 1
    for found in report.measurements:
        latency, raw = found.latency_ms, found.raw_latency_ms
        assert latency.n == len(raw) == 20
        assert latency.min <= latency.p50 <= latency.p90 <= latency.p99 <= max(raw) + 1e-5
        assert latency.p50 == pytest.approx(median(raw), abs=1e-5)
        assert found.throughput_per_s == pytest.approx(2 / latency.p50 * 1e3)
    ratios = [one / other for one, other in zip(first.raw_latency_ms, second.raw_latency_ms, strict=True)]
    assert second.ratio == pytest.approx(median(ratios), rel=1e-3)
    assert second.cpu_ms == pytest.approx(median(second.raw_cpu_ms), abs=1e-5)
    assert second.floor_ms is not None
    assert second.share_of_floor == pytest.approx(second.floor_ms / second.cpu_ms, rel=1e-3)


def test_with_more_threads_the_floor_is_compared_with_the_clock() -> None:
    one, more = (measurement("m", SMALL, times(4), times(4), threads=each, floor_ms=1.0) for each in (1, 2))
    assert (one.share_of_floor, more.share_of_floor) == (0.5, 0.25)


def test_models_of_the_same_weights_are_compared(report: BenchReport) -> None:
    (found,) = report.agreements
    assert (found.model, found.compared_with) == ("exported", "classifier")
    assert found.max_difference is not None
    assert found.max_difference < 1e-4
    assert found.argmax_agreement == 1


def test_threads_of_torch_are_given_back(classifier: Path) -> None:
    before = torch.get_num_threads()
    bench([str(classifier)], BenchOptions(shapes=(SMALL,), rounds=1, threads=before + 1, memory=False))
    assert torch.get_num_threads() == before


def test_rounds_are_interleaved_and_rotate() -> None:
    calls: list[str] = []
    timed_rounds({name: lambda name=name: calls.append(name) for name in "abc"}, rounds=3)  # type: ignore[misc]
    assert ["".join(calls[start : start + 3]) for start in (0, 3, 6)] == ["abc", "bca", "cab"]


def test_latencies_are_milliseconds() -> None:
    (times,) = timed_rounds({"sleeper": lambda: time.sleep(0.01)}, rounds=3).values()
    assert min(times.wall) >= 10
    assert max(times.cpu) < min(times.wall)  # asleep it takes no processor


def test_number_of_rounds_follows_the_time_allowed() -> None:
    assert rounds_within(0.005, 0.2) == 40
    assert rounds_within(1.0, 0.0) == FEWEST_ROUNDS


class Clock:
    """A clock that only the calls under test move on."""

    def __init__(self, *durations: float) -> None:
        self.now = 0.0
        self._durations = iter(durations)

    def __call__(self) -> float:
        return self.now

    def call(self) -> None:
        self.now += next(self._durations)


def test_warming_up_ends_when_latencies_have_settled() -> None:
    clock = Clock(8, 4, 2, 2, 2)
    found = warm_up({"cooling": clock.call}, 60, clock)
    assert (found.rounds, found.settled, found.last_seconds) == (4, True, 2)


def test_warming_up_that_never_settles_ends_too() -> None:
    clock = Clock(*[1, 2] * MOST_WARMUP_ROUNDS)
    found = warm_up({"restless": clock.call}, 1000, clock)
    assert (found.rounds, found.settled) == (MOST_WARMUP_ROUNDS, False)
    slow = Clock(1, 5, 1)
    assert warm_up({"slow": slow.call}, 0.5, slow).rounds == 2


def times(*wall: float) -> Times:
    return Times(wall=wall, cpu=tuple(value / 2 for value in wall))


def test_ratio_above_one_is_faster() -> None:
    assert measurement("m", SMALL, times(1, 2, 1), times(3, 6, 4)).ratio == 3


def test_disturbances_are_told(report: BenchReport) -> None:
    quiet = Load(average_before=0.0, average_after=1.0, cpu_share=1.0)
    many = tuple(measurement("m", SMALL, times(*[1] * 100), times(*[1] * 100)) for _ in range(2))

    def told(load: Load, threads: int = 1) -> str:
        return " ".join(warnings_about(load, report.machine, threads, report.agreements, many))

    assert told(quiet) == ""
    assert "compete" in told(replace(quiet, average_before=99.0))
    assert "took it away" in told(replace(quiet, cpu_share=0.5))
    assert "p99 is the slowest" in " ".join(warnings_about(quiet, report.machine, 1, (), report.measurements))
    flipped = replace(report.agreements[0], argmax_agreement=0.5)
    restless = [replace(found, settled=False, warmup_rounds=7) for found in many]
    assert "had not settled after 7 rounds of 2x16" in " ".join(warnings_about(quiet, report.machine, 1, (), restless))
    below = [replace(found, share_of_floor=1.2) for found in many]
    assert "below its floor" in " ".join(warnings_about(quiet, report.machine, 1, (), below))
    assert "50.0%" in " ".join(warnings_about(quiet, report.machine, 1, [flipped], many))
    passive = replace(report.machine, omp_wait_policy="PASSIVE")
    assert warnings_about(quiet, passive, 2, (), many) == ()
    active = replace(report.machine, omp_wait_policy=None)
    assert "OMP_WAIT_POLICY=PASSIVE" in " ".join(warnings_about(quiet, active, 2, (), many))


@pytest.mark.parametrize("text", ["8", "x128", "0x16", "1x-2", "1.5x16", "8xx16", ""])
def test_bad_shapes_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="BATCHxLENGTH"):
        parse_shape(text)


def test_shapes_are_read_as_they_are_written() -> None:
    assert str(parse_shape("8x128")) == "8x128"


@pytest.mark.parametrize("options", [{"threads": 0}, {"rounds": 0}, {"seconds": 0}, {"shapes": ()}])
def test_bad_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        validate(BenchOptions, options)


def test_what_cannot_be_timed_is_refused(
    classifier: Path, exported: Path, tmp_path: Path, save_classifier: Callable[..., Path], positions: int
) -> None:
    long = BenchOptions(shapes=(Shape(batch=1, length=positions + 1),), rounds=1, memory=False)
    with pytest.raises(UserError, match=f"takes {positions} tokens"):
        bench([str(exported)], long)
    with pytest.raises(UserError, match="different models"):
        bench([str(exported), str(exported)], BenchOptions(rounds=1, memory=False))
    other = save_classifier(tmp_path / "other", vocab_size=40)
    with pytest.raises(UserError, match="share their token ids"):
        bench([str(classifier), str(other)], BenchOptions(shapes=(SMALL,), rounds=1, memory=False))
    (tmp_path / "broken").mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "broken" / name).write_bytes((exported / name).read_bytes())
    (tmp_path / "broken" / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(StorageError, match=r"model\.onnx"):
        bench([str(tmp_path / "broken")], BenchOptions(shapes=(SMALL,), rounds=1, memory=False))
