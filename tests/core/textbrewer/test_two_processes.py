"""Two processes on the CPU with a frozen teacher and an ordinary sampler: as one process with both halves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

SCRIPT = Path(__file__).with_name("two_processes.py")


Found = tuple[Path, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("processes")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(rank), str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for rank in (0, 1)
    ]
    try:
        said = [process.communicate(timeout=120) for process in running]
    finally:
        for process in running:
            process.kill()
    assert all(out for out, _ in said), said
    return folder, [json.loads(out.splitlines()[-1]) for out, _ in said]


def test_two_processes_train_what_one_would(found: Found) -> None:
    folder, (first, second) = found
    assert first["ours"] == second["ours"]
    for name, value in first["alone"].items():
        assert torch.allclose(torch.tensor(value), torch.tensor(first["ours"][name]), atol=1e-5), name
    assert (folder / "ours" / "gs4.pkl").is_file()


def test_both_agree_on_a_weight_that_follows_the_gradients(found: Found) -> None:
    first, second = (result["share"] for result in found[1])
    assert first == second
    assert first["total_weight"] > 1


def test_textbrewer_alone_does_not_even_start(found: Found) -> None:
    assert all("device_ids" in result["stock"]["error"] for result in found[1])


def test_a_process_that_stops_does_not_leave_the_other_waiting(found: Found) -> None:
    folder, (first, second) = found
    assert "another process stopped" in first["nan"]["error"]
    assert "student's logits must be finite" in second["nan"]["error"]
    assert (folder / "nan" / "non_finite_step0_rank1" / "state.json").is_file()


def test_nor_does_one_whose_adaptor_is_wrong(found: Found) -> None:
    first, second = (result["heads"]["error"] for result in found[1])
    assert "another process stopped" in first
    assert "same number of heads" in second
