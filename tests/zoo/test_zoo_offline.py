"""Without network, without source: what the cache holds works, and what it does not hold is explained."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sinkd_plugin.errors import DownloadError
from sinkd_plugin.references import resolve_model
from sinkd_zoo import download
from sinkd_zoo.index import Student
from sinkd_zoo.publish import publish
from tests.zoo.serving import Served

Serve = Callable[..., Served]
Sinkd = Callable[..., "subprocess.CompletedProcess[str]"]

NAME = "mine"


@pytest.mark.parametrize("variable", ["SINKD_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_and_warm_it_works_says_so_and_sends_nothing(
    student: Student, serve: Serve, sinkd: Sinkd, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    server = serve()
    folder = download(NAME)
    before = server.requests()
    monkeypatch.setenv(variable, "1")
    process = sinkd("download", NAME)
    assert process.stdout.strip() == str(folder)
    assert "Using 'mine' from the cache, revision 1, once fetched from 'https'" in process.stderr
    assert f"Received: {variable}=1" in process.stderr
    assert server.requests() == before


def test_offline_and_cold_it_says_how_to_get_it(
    student: Student, serve: Serve, sinkd: Sinkd, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    monkeypatch.setenv("SINKD_OFFLINE", "1")
    told = sinkd("download", NAME, code=1).stderr
    assert "cannot be asked offline. Received: SINKD_OFFLINE=1. Unset it; or run `sinkd zoo download NAME" in told
    assert server.requests() == []


def test_a_server_that_is_gone_is_like_being_offline(
    student: Student, serve: Serve, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    serve()
    folder = download(NAME)
    monkeypatch.setenv("SINKD_ZOO", "http://localhost:9")
    assert download(NAME) == folder
    assert (
        "no zoo source answers for it now. 'http://localhost:9/index.json' must be reachable" in capfd.readouterr().err
    )


def test_a_chosen_server_that_is_gone_fails_and_the_cache_is_pointed_at(
    student: Student, serve: Serve, sinkd: Sinkd
) -> None:
    """What the cache holds may have come from elsewhere: only the user can say that it will do."""
    serve()
    download(NAME)
    told = sinkd("download", NAME, "--source", "http://localhost:9", code=1).stderr
    assert "The cache holds 'mine', revision 1, once fetched from 'https'; it is used where no place is chosen" in told
    assert "'http://localhost:9/index.json' must be reachable" in told
    assert "The cache holds" not in sinkd("download", "yours", "--source", "http://localhost:9", code=1).stderr


def test_a_cached_student_needs_no_source(
    student: Student, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = download(NAME)
    monkeypatch.delenv("SINKD_ZOO")
    assert resolve_model(f"zoo:{NAME}") == str(folder)
    assert "once fetched from 'folder'" in capfd.readouterr().err


def test_a_damaged_copy_is_not_used_for_want_of_a_source(
    student: Student, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    (download(NAME) / "config.json").write_text("{}")
    monkeypatch.setenv("SINKD_OFFLINE", "1")
    with pytest.raises(DownloadError, match="cannot be asked offline"):
        download(NAME)


def test_a_revision_that_is_cached_is_taken_without_asking(student: Student, serve: Serve) -> None:
    server = serve()
    folder = download(f"{NAME}@1")
    before = server.requests()
    assert resolve_model(f"zoo:{NAME}@1") == str(folder)
    assert server.requests() == before


def test_offline_the_list_shows_the_cache(
    student: Student, serve: Serve, sinkd: Sinkd, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    folder = download(NAME)
    monkeypatch.setenv("SINKD_OFFLINE", "1")
    process = sinkd("list", "--json")
    (row,) = [row for row in json.loads(process.stdout) if row["name"] == NAME]
    assert (row["cached"], row["offered"], row["source"]) == (str(folder), False, "https")
    assert "Not asked: " in process.stderr
    assert "the cache; once fetched from https" in sinkd("info", NAME).stdout


def test_a_newer_revision_is_taken_and_an_older_one_on_demand(
    student: Student, zoo: Path, write_run: Callable[..., Path]
) -> None:
    old = download(NAME)
    assert publish(write_run("newer", seed=5), zoo, NAME, new_revision=True).revision == "2"
    new = download(NAME)
    assert (old.parent.name, new.parent.name) == (f"{NAME}@1", f"{NAME}@2")
    assert download(NAME, revision="1") == old
    with pytest.raises(Exception, match=r"No revision of 'mine' is called '3'.*Known: 1, 2"):
        download(f"{NAME}@3")


@pytest.mark.slow
def test_prune_removes_what_a_newer_revision_replaced_and_what_is_named(
    student: Student, zoo: Path, write_run: Callable[..., Path], sinkd: Sinkd
) -> None:
    old = download(NAME)
    publish(write_run("newer", seed=5), zoo, NAME, new_revision=True)
    new = download(NAME)
    (would,) = json.loads(sinkd("prune", "--dry-run", "--json").stdout)
    assert would["path"] == str(old.parent)
    assert would["bytes"] > sum(student.sizes.values())
    assert old.is_dir()
    assert sinkd("prune").stdout == f"{old.parent}\n"
    assert not old.exists()
    assert new.is_dir()
    assert "Did you mean 'mine'" in sinkd("prune", "mien", code=2).stderr
    assert "Give either names or --all" in sinkd("prune", "mine", "--all", code=2).stderr
    assert sinkd("prune", f"{NAME}@2").stdout == f"{new.parent}\n"
    assert json.loads(sinkd("verify", "--json").stdout) == []
