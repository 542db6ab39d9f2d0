"""benchmarks/README.md says what was measured."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PAGE = (BENCHMARKS / "README.md").read_text(encoding="utf-8")


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table() -> ModuleType:
    return script("table")


@pytest.mark.parametrize("name", ["table", "training_table"])
def test_the_table_is_that_of_the_recorded_measurement(name: str) -> None:
    assert script(name).with_table(PAGE) == PAGE, f"run: python benchmarks/{name}.py"


def test_every_row_compares_methods_of_one_round(table: ModuleType) -> None:
    result = json.loads((BENCHMARKS / "results" / "loss.json").read_text(encoding="utf-8"))
    for case in result["cases"]:
        rounds = {len(times[kind]) for times in case["cpu_ms"].values() for kind in times}
        assert len(rounds) == 1, case
    assert len(list(table.rows(result))) == table.BETWEEN.search(PAGE)[0].count("\n|") - 2


def test_every_script_that_the_page_names_is_there() -> None:
    for name in re.findall(r"(?:benchmarks/|`)(\w+\.py)", PAGE):
        assert (BENCHMARKS / name).is_file(), name
