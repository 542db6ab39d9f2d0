"""The source ``hub`` through the hub's own client library, against a server that speaks what the library asks for.

Each command runs in a process of its own: the library reads its settings when it is imported.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

WriteRun = Callable[..., Path]
Sinkd = Callable[..., "subprocess.CompletedProcess[str]"]

PLACE = "hf://org/mine"
TOKEN = "hf_s3cret"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a hub that ``HF_ENDPOINT`` names, with a cache of this test's own and a token that may write."""
    folder = tmp_path / "hub"
    folder.mkdir()
    program = Path(__file__).with_name("hub_server.py")
    server = subprocess.Popen([sys.executable, str(program), str(folder), TOKEN], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    monkeypatch.setenv("HF_ENDPOINT", f"http://localhost:{server.stdout.readline().strip()}")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("SINKD_ZOO", PLACE)
    yield folder
    server.kill()
    server.communicate()


def log(hub: Path) -> list[str]:
    return (hub / "log.txt").read_text().splitlines()


def head(hub: Path, repository: str = "org/mine") -> str:
    commit: str = json.loads((hub / repository / "refs.json").read_text())["main"]
    return commit


def test_publish_list_download_and_use(hub: Path, write_run: WriteRun, sinkd: Sinkd) -> None:
    run = write_run()
    card = json.loads(sinkd("publish", run, "--to", PLACE, "--license", "MIT", "--json").stdout)
    assert (card["name"], card["revision"], card["license"]) == ("mine", "1", "MIT")
    committed = hub / "org/mine" / head(hub)
    assert {path.name for path in committed.iterdir()} == {*card["files"], "index.json"}
    (row,) = [row for row in json.loads(sinkd("list", "--json").stdout) if row["source"] == "hub"]
    assert row["files"] == card["files"]
    folder = Path(sinkd("download", "mine").stdout.strip())
    assert (folder / "model.safetensors").read_bytes() == (run / "student" / "model.safetensors").read_bytes()
    before = [line for line in log(hub) if "model.safetensors" in line]
    sinkd("download", "mine")
    assert [line for line in log(hub) if "model.safetensors" in line] == before


@pytest.mark.slow
def test_a_second_student_is_the_next_revision_and_the_first_stays_in_the_history(
    hub: Path, write_run: WriteRun, sinkd: Sinkd
) -> None:
    sinkd("publish", write_run("one"), "--to", PLACE)
    first = head(hub)
    assert json.loads(sinkd("publish", write_run("same"), "--to", PLACE, "--json").stdout)["revision"] == "1"
    assert head(hub) == first
    sinkd("publish", write_run("two", seed=1), "--to", PLACE)
    new = Path(sinkd("download", "mine").stdout.strip())
    old = Path(sinkd("download", "mine", "--revision", first).stdout.strip())
    assert (new.parent.name, old.parent.name) == ("mine@2", f"mine@{first}")
    assert (new / "model.safetensors").read_bytes() != (old / "model.safetensors").read_bytes()
    pinned = sinkd("download", "mine", "--source", f"{PLACE}@{first}", "--json").stdout
    assert json.loads(pinned)["folder"].endswith("mine@1/mine")
    assert "must be there to be read" in sinkd("download", "mine", "--revision", "nowhere", code=1).stderr


def test_the_library_checks_no_content_and_we_do(hub: Path, write_run: WriteRun, sinkd: Sinkd) -> None:
    sinkd("publish", write_run(), "--to", PLACE)
    weights = hub / "org/mine" / head(hub) / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    told = sinkd("download", "mine", code=1).stderr
    assert "'model.safetensors' must be the file on its card. Received: sha256" in told
    weights.write_bytes(data + b"more")
    assert "'model.safetensors' must not be larger than" in sinkd("download", "mine", code=1).stderr


@pytest.mark.slow
def test_a_token_opens_what_is_private(
    hub: Path, write_run: WriteRun, sinkd: Sinkd, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = "hf://org/mine-private"
    sinkd("publish", write_run(), "--to", place, "--name", "mine")
    monkeypatch.setenv("SINKD_ZOO", place)
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    told = sinkd("download", "mine", code=1).stderr
    assert "'hf://org/mine-private' must be there to be read" in told
    assert "set HF_TOKEN" in told
    assert "must accept the student" in sinkd("publish", write_run("two"), "--to", place, code=1).stderr
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert Path(sinkd("download", "mine").stdout.strip()).is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "SINKD_OFFLINE"])
def test_offline_the_librarys_own_cache_will_do(
    hub: Path, write_run: WriteRun, sinkd: Sinkd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    sinkd("publish", write_run(), "--to", PLACE)
    monkeypatch.setenv(variable, "1")
    assert "cannot be asked offline" in sinkd("download", "mine", code=1).stderr
    monkeypatch.delenv(variable)
    sinkd("download", "mine")
    before = log(hub)
    monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("SINKD_HOME", str(tmp_path / "another home"))
    assert Path(sinkd("download", "mine").stdout.strip()).is_dir()
    assert log(hub) == before


@pytest.mark.slow
def test_what_is_no_repository_or_no_zoo_is_told(hub: Path, sinkd: Sinkd) -> None:
    assert "must be there to be read" in sinkd("list", "--source", "hf://org/none", code=1).stderr
    assert "must be hf://ORGANISATION/NAME" in sinkd("list", "--source", "hf://a/b/c", code=2).stderr
    commit = hub / "org/plain" / ("a" * 40)
    commit.mkdir(parents=True)
    (hub / "org/plain" / "refs.json").write_text(json.dumps({"main": commit.name}))
    assert "must hold an index.json" in sinkd("list", "--source", "hf://org/plain", code=1).stderr
