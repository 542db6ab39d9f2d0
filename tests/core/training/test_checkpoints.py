"""Checkpoints are whole or not there, damaged ones are told, and a full disk takes none away."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sinkd_plugin.errors import StorageError, UserError
from sinkd_plugin.textbrewer.randomness import RandomState
from sinkd_plugin.training.checkpoints import Checkpoints
from sinkd_plugin.training.run_lock import run_lock
from sinkd_plugin.training.state_tree import joined, split


def state(step: int) -> dict[str, Any]:
    return {"step": step, "model": {"weight": torch.full((50,), float(step))}, "random": [RandomState.now().as_state()]}


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "student", "fingerprint", keep=2)


def names(checkpoints: Checkpoints) -> list[str]:
    return sorted(path.name for path in checkpoints.folder.iterdir())


def test_a_state_comes_back_as_it_was() -> None:
    tied = torch.randn(3, 4, dtype=torch.bfloat16)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1 / 3)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    given: dict[str, Any] = {
        "tied": [tied, tied],
        "optimizer": optimizer.state_dict(),
        "nothing": None,
        "pair": (1, 2.5),
        "empty": {},
    }
    plain, tensors = split(given)
    assert len(tensors) == 1 + 6, "tied tensors are kept once"
    found = joined(plain, tensors)
    assert torch.equal(found["tied"][1], tied)
    assert found["optimizer"]["param_groups"] == given["optimizer"]["param_groups"]
    assert set(found["optimizer"]["state"]) == {0, 1}, "keys that are numbers stay numbers"
    assert (found["nothing"], found["pair"], found["empty"]) == (None, (1, 2.5), {})


def test_generators_go_on_where_they_were(checkpoints: Checkpoints) -> None:
    checkpoints.write(1, state(1), {})
    wanted = random.random(), np.random.rand(), torch.rand(1)
    found = checkpoints.newest()
    assert found is not None
    RandomState.from_state(found["state"]["random"][0]).restore()
    assert (random.random(), np.random.rand(), torch.rand(1)) == wanted


def test_the_last_few_and_the_best_are_kept(checkpoints: Checkpoints) -> None:
    for step, value in ((1, 0.5), (2, 0.9), (3, 0.7), (4, 0.9)):
        checkpoints.write(step, state(step), {})
        checkpoints.offer(step, "accuracy", value)
    assert names(checkpoints) == ["best.json", "step-000000002", "step-000000003", "step-000000004"]
    best = checkpoints.best()
    assert best is not None
    assert (best["step"], best["metric"], best["value"]) == (2, "accuracy", 0.9)
    assert float(checkpoints.load(2)["state"]["model"]["weight"][0]) == 2


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied", "half a record"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    damage: str, checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in (1, 2):
        folder = checkpoints.write(step, state(step), {})
    file = folder / ("state.json" if damage == "half a record" else "state.safetensors")
    content = bytearray(file.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    file.write_bytes(b"" if damage == "emptied" else bytes(content) if damage == "flipped" else content[:-7])
    found = checkpoints.newest()
    assert found is not None
    assert found["step"] == 1
    said = capsys.readouterr().err
    assert f"Checkpoint '{folder}' is damaged and not used: '{file.name}' must be the file that was written." in said


def test_a_checkpoint_without_its_checksums_is_damaged(checkpoints: Checkpoints) -> None:
    folder = checkpoints.write(1, state(1), {})
    (folder / "checksums.json").unlink()
    assert checkpoints.newest() is None


def test_another_training_has_no_use_for_it(checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoints.write(1, state(1), {})
    assert Checkpoints(checkpoints.folder, "another", keep=2).newest() is None
    assert "is of another configuration and not used" in capsys.readouterr().err


def test_where_no_room_is_left_the_last_checkpoint_stays(checkpoints: Checkpoints) -> None:
    """The operating system refuses real writes in the middle of the tensors."""
    checkpoints.write(1, state(1), {})
    checkpoints.write(2, state(2), {})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(StorageError):
            checkpoints.write(3, state(3), {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(checkpoints) == ["step-000000001", "step-000000002"], "and nothing half-written"
    found = checkpoints.newest()
    assert found is not None
    assert found["step"] == 2


def test_starting_anew_removes_checkpoints_and_nothing_else(checkpoints: Checkpoints) -> None:
    checkpoints.write(1, state(1), {})
    (checkpoints.folder / "notes.txt").write_text("mine", encoding="utf-8")
    checkpoints.clear()
    assert names(checkpoints) == ["notes.txt"]


def test_two_runs_cannot_use_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    holder = "import sys; from pathlib import Path; from sinkd_plugin.training.run_lock import run_lock\n"
    holder += "with run_lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match=r"One run at a time may use a run folder"), run_lock(folder):
            pass
        other.kill()
        other.wait()
    with run_lock(folder):
        pass  # whoever was killed holds nothing
