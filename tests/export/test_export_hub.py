"""A model named by its id on the hub is fetched once, through the hub's own client, from a server on loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[1] / "zoo" / "hub_server.py"
COMMIT = "c" * 40


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a hub that ``HF_ENDPOINT`` names, with a cache of this test's own."""
    folder = tmp_path / "hub"
    folder.mkdir()
    words = [sys.executable, str(SERVER), str(folder), "hf_token"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    monkeypatch.setenv("HF_ENDPOINT", f"http://localhost:{server.stdout.readline().strip()}")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_TOKEN", "hf_token")
    yield folder
    server.kill()
    server.communicate()


def sinkd(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sinkd_plugin", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, **environment})


def test_a_model_of_the_hub_is_exported_and_timed(hub: Path, classifier: Path, tmp_path: Path) -> None:
    shutil.copytree(classifier, hub / "org" / "reviewer" / COMMIT)
    (hub / "org" / "reviewer" / "refs.json").write_text(json.dumps({"main": COMMIT}), encoding="utf-8")
    done = sinkd("export", "org/reviewer", "--to", str(tmp_path / "out"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["source"] == "org/reviewer"
    assert (tmp_path / "out" / "model.onnx").is_file()
    fetched = [line for line in (hub / "log.txt").read_text().splitlines() if "model.safetensors" in line]
    quick = ("--shape", "1x8", "--rounds", "1", "--no-memory", "--json")
    timed = sinkd("bench", "org/reviewer", str(tmp_path / "out"), *quick, HF_HUB_OFFLINE="1")
    assert timed.returncode == 0, timed.stderr
    (found,) = json.loads(timed.stdout)["agreements"]  # both know that they are of the same weights
    assert found["argmax_agreement"] == 1
    again = [line for line in (hub / "log.txt").read_text().splitlines() if "model.safetensors" in line]
    assert again == fetched


def test_a_model_that_the_hub_does_not_have_is_told(hub: Path, tmp_path: Path) -> None:
    done = sinkd("export", "org/nothing", "--to", str(tmp_path / "out"))
    assert done.returncode == 2, done.stderr
    assert "'org/nothing', which the hub does not have" in " ".join(done.stderr.split())
    assert not (tmp_path / "out").exists()
