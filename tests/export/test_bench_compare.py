"""Two records against each other: ratios with intervals, and what else differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from sinkd_export.bench import BenchOptions, Shape, bench
from sinkd_export.bench.compare import bootstrap_ratio, compare_records
from sinkd_export.bench_command import command
from sinkd_plugin.errors import DataError, UserError


@pytest.fixture(scope="module")
def record(exported: Path) -> dict[str, object]:
    options = BenchOptions(shapes=(Shape(batch=1, length=8),), rounds=8, memory=False)
    found: dict[str, object] = json.loads(json.dumps(bench([str(exported)], options).to_dict()))
    return found


def written(path: Path, record: object) -> Path:
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def test_a_record_beside_itself_is_neither_faster_nor_slower(record: object, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", record)
    comparison = compare_records(path, path)
    (found,) = comparison.ratios
    assert found.ratio == 1
    assert found.low <= 1 <= found.high
    assert len(comparison.warnings) == 1  # that they were not interleaved


def test_twice_as_fast_is_two(record: dict[str, object], tmp_path: Path) -> None:
    faster = json.loads(json.dumps(record))
    for found in faster["measurements"]:
        found["raw_latency_ms"] = [value / 2 for value in found["raw_latency_ms"]]
    faster["threads"] = 2
    faster["machine"]["cpu"] = "another"
    paths = written(tmp_path / "a.json", record), written(tmp_path / "b.json", faster)
    comparison = compare_records(*paths)
    assert comparison.ratios[0].ratio == pytest.approx(2)
    told = " ".join(comparison.warnings)
    assert "The processor differs" in told
    assert "The number of threads differs: 1 and 2" in told
    done = CliRunner().invoke(command, ["--compare", *map(str, paths)])
    assert done.exit_code == 0
    assert "2.000" in done.stdout
    printed = CliRunner().invoke(command, ["--compare", *map(str, paths), "--json"])
    assert json.loads(printed.stdout)["ratios"][0]["model"] == "exported"


def test_intervals_hold_the_true_ratio_and_narrow_with_rounds() -> None:
    draws = np.random.default_rng(1)
    few, many = (
        bootstrap_ratio(draws.normal(30, 2, size).tolist(), draws.normal(10, 1, size).tolist()) for size in (12, 400)
    )
    assert many[0] < 3 < many[1]
    assert many[1] - many[0] < few[1] - few[0]
    assert bootstrap_ratio([4.0], [2.0]) == (2, 2)


def test_what_cannot_be_compared_is_refused(record: dict[str, object], tmp_path: Path) -> None:
    good = written(tmp_path / "good.json", record)
    for name, content in {"old": {**record, "schema_version": 1}, "list": [], "other": {"a": 1}}.items():
        with pytest.raises(DataError, match=r"records of `sinkd bench --output`"):
            compare_records(good, written(tmp_path / f"{name}.json", content))
    with pytest.raises(DataError, match=r"two files.*missing\.json', which is none"):
        compare_records(good, tmp_path / "missing.json")
    elsewhere = json.loads(json.dumps(record))
    elsewhere["measurements"][0]["model"] = "another"
    with pytest.raises(DataError, match="exported at 1x8 and another at 1x8"):
        compare_records(good, written(tmp_path / "elsewhere.json", elsewhere))
    refused = CliRunner().invoke(command, ["model", "--compare", str(good), str(good)])
    assert isinstance(refused.exception, UserError)
    assert "it times no model. Received: models" in str(refused.exception)
    with_options = CliRunner().invoke(
        command, ["--compare", str(good), str(good), "--threads", "1", "--task", "reviews"]
    )
    assert "Received: task, threads" in str(with_options.exception)
    assert "Give a model at least" in str(CliRunner().invoke(command, []).exception)


Damage = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda found: found.pop("machine"), "machine: Field required"),
        (lambda found: found.update(measurements={}), "measurements: "),
        (lambda found: found["measurements"][0].pop("raw_latency_ms"), "measurements.0.raw_latency_ms: Field required"),
        (lambda found: found["measurements"][0].update(raw_latency_ms=[]), "exported at 1x8 without a latency above 0"),
        (lambda found: found["measurements"][0].update(raw_latency_ms=[0.0]), "without a latency above 0"),
        (lambda found: found["measurements"][0].update(raw_latency_ms=[1e308]), "without a latency above 0"),
        (lambda found: found["measurements"][0].update(raw_latency_ms=["1"]), "measurements.0.raw_latency_ms.0: "),
        (lambda found: found["measurements"][0].update(shape=[1, 8]), "measurements.0.shape: "),
        (lambda found: found.update(versions=None), "versions: "),
    ],
)
def test_a_damaged_record_is_told_from_a_good_one(
    damage: Damage, told: str, record: dict[str, object], tmp_path: Path
) -> None:
    good = written(tmp_path / "good.json", record)
    damaged = json.loads(json.dumps(record))
    damage(damaged)
    with pytest.raises(DataError, match="records of `sinkd bench --output`") as caught:
        compare_records(good, written(tmp_path / "damaged.json", damaged))
    assert told in str(caught.value)
