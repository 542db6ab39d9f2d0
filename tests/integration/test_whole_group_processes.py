"""Several processes with ragged shares of a step's rows: the update of one process with all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).with_name("whole_group_process.py")


@pytest.fixture(scope="module", params=[2, 3], ids=["two", "three"])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("processes")
    running = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(rank), str(request.param), str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for rank in range(request.param)
    ]
    try:
        said = [process.communicate(timeout=180) for process in running]
    finally:
        for process in running:
            process.kill()
    assert all(out for out, _ in said), said
    return [json.loads(out.splitlines()[-1]) for out, _ in said]


def vector(state: dict[str, Any]) -> torch.Tensor:
    return torch.cat([torch.tensor(value, dtype=torch.float64).flatten() for value in state.values()])


def test_processes_train_what_one_would(found: list[dict[str, Any]]) -> None:
    wanted = vector(found[0]["alone"]["state"])
    for each in found:
        ours = vector(each["global"]["state"])
        assert float((ours - wanted).norm() / wanted.norm()) < 1e-9
        assert each["global"]["totals"] == pytest.approx(found[0]["alone"]["totals"], rel=1e-9)
    local = vector(found[0]["local"]["state"])
    assert float((local - wanted).norm() / wanted.norm()) > 1e-2, "the test must be able to tell the two apart"


@pytest.mark.parametrize("scope", ["global", "local"])
def test_every_process_has_the_same_student(found: list[dict[str, Any]], scope: str) -> None:
    states = [each[scope]["state"] for each in found]
    assert all(state == states[0] for state in states)
