"""A source of someone else, installed as any plugin is: an entry point in a distribution's metadata."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sinkd_zoo.publish import publish

WriteRun = Callable[..., Path]
Sinkd = Callable[..., "subprocess.CompletedProcess[str]"]

PLUGIN = """
from sinkd_plugin.hookspecs import hookimpl
from sinkd_plugin.specs import ZooCard, ZooSourceSpec

def card(name, files):
    fields = dict(summary="", task="t", architecture="a", parameters=1, license="MIT", metrics={}, n=0)
    return ZooCard(name=name, files=files, **fields)

def careless():
    return [card("careless", {"config.json": "0" * 64})]

def hostile():
    return [card("../../../evil", {})]

def fetch(card, into):
    (into / "config.json").write_text("{}")

@hookimpl
def sinkd_zoo_sources():
    return [
        ZooSourceSpec(name="away", summary="", cards=lambda: 1 / 0, fetch=fetch),
        ZooSourceSpec(name="careless", summary="", cards=careless, fetch=fetch),
        ZooSourceSpec(name="hostile", summary="", cards=hostile, fetch=fetch),
    ]
"""


@pytest.fixture(autouse=True)
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    metadata = site / "acme_zoo-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "acme_zoo.py").write_text(PLUGIN)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-zoo\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[sinkd]\nacme = acme_zoo\n")
    monkeypatch.setenv("PYTHONPATH", str(site))


def test_a_source_that_fails_hides_no_student_of_another(zoo: Path, write_run: WriteRun, sinkd: Sinkd) -> None:
    publish(write_run(), zoo, "mine")
    assert Path(sinkd("download", "mine").stdout.strip()).is_dir()
    assert "The zoo source 'away' failed. Received: ZeroDivisionError" in sinkd("info", "unknown", code=1).stderr


def test_what_a_source_delivers_is_verified_again(zoo: Path, write_run: WriteRun, sinkd: Sinkd) -> None:
    publish(write_run(), zoo, "mine")
    assert (
        "'careless' from 'careless' must be exactly the files on its card"
        in sinkd("download", "careless", code=1).stderr
    )
    assert json.loads(sinkd("verify", "--json").stdout) == []


def test_a_name_that_leads_out_of_the_cache_is_refused(
    tmp_path: Path, zoo: Path, write_run: WriteRun, sinkd: Sinkd
) -> None:
    publish(write_run(), zoo, "mine")
    assert sinkd("download", "../../../evil", code=1).stdout == ""
    assert list(tmp_path.rglob("*evil*")) == []
    process = sinkd("list", code=1)
    assert "mine" in process.stdout
    assert "Names in the zoo source 'hostile' must be plain" in process.stderr
