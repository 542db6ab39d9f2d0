"""A complete third-party distribution, installed from its wheel: listed, used without torch, and gone when removed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugins.conftest import Environment

ADDS = {
    "losses": ["acme_cosine", "acme_huber"],
    "architectures": ["acme_gpt2"],
    "tasks": ["acme/beers"],
    "targets": ["acme_float16"],
    "sources": ["acme"],
    "commands": ["acme"],
}
LISTED = [kind for kind in ADDS if kind != "commands"]
HEAVY = ("torch", "transformers", "datasets", "textbrewer", "onnxruntime", "sklearn")


def test_it_is_shown_with_one_of_each_kind(acme: Environment) -> None:
    shown = acme.plugins()["acme-sinkd"]
    assert (shown["name"], shown["version"], shown["adds"]) == ("acme", "1.0.0", ADDS)
    assert shown["failures"] == shown["clashes"] == shown["unknown_hooks"] == []


@pytest.mark.parametrize("kind", LISTED)
def test_each_kind_lists_it(acme: Environment, kind: str) -> None:
    listed = [row for row in acme.json("list", kind) if row["plugin"] == "acme"]
    assert [row["name"] for row in listed] == ADDS[kind]
    assert all(row["summary"] for row in listed)
    if kind == "losses":
        assert [row["slot"] for row in listed] == ["match_loss", "kd_loss"]


def test_its_command_is_one_of_ours(acme: Environment) -> None:
    assert "Show the students that a run has finished." in acme.sinkd("--help").stdout
    assert "Example: sinkd acme runs/mine" in acme.sinkd("acme", "--help").stdout


@pytest.mark.parametrize("words", [("--help",), ("plugins",), *(("list", kind) for kind in LISTED)], ids=" ".join)
def test_listing_imports_nothing_heavy(acme: Environment, words: tuple[str, ...]) -> None:
    printed = acme.program(
        "import sys\nfrom sinkd_plugin.cli.main import main\n"
        f"try: main({list(words)!r})\n"
        "except SystemExit as end: assert end.code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert "acme" in printed
    assert printed.splitlines()[-1] == "[]"


def test_its_zoo_is_one_of_ours(acme: Environment, tmp_path: Path) -> None:
    home = {"SINKD_HOME": str(tmp_path / "home")}
    (card,) = [card for card in acme.json("zoo", "list", **home) if card["name"] == "acme-beers"]
    assert card["task"] == "acme/beers"
    done = acme.sinkd("zoo", "download", "acme-beers", "--to", tmp_path / "student", **home)
    assert done.returncode == 0, done.stderr
    index = Path(__file__).parent / "acme" / "acme_sinkd" / "students" / "index.json"
    (published,) = json.loads(index.read_text(encoding="utf-8"))["students"]
    assert {path.name for path in (tmp_path / "student").iterdir()} == set(published["files"])


def test_a_slip_in_its_names_finds_them(acme: Environment) -> None:
    for kind, names in {"losses": "acme_huber", "tasks": "acme/beers", "architectures": "acme_gpt2"}.items():
        told = acme.program(
            "from sinkd_plugin.catalog import catalog\nfrom sinkd_plugin.errors import UnknownNameError\n"
            f"try: catalog().{kind}.get({names + 'x'!r})\nexcept UnknownNameError as error: print(error)"
        )
        assert f"Did you mean '{names}'?" in told


def test_removed_it_is_gone(acme_wheel: Path, scratch: Callable[[], Environment], tmp_path: Path) -> None:
    environment = scratch()
    environment.pip("install", "--no-index", "--no-deps", acme_wheel)
    assert "acme-sinkd" in environment.plugins()
    environment.pip("uninstall", "--yes", "acme-sinkd")
    assert "acme-sinkd" not in environment.plugins()
    for kind in LISTED:
        assert not {row["name"] for row in environment.json("list", kind)} & set(ADDS[kind])
    done = environment.sinkd("acme", tmp_path)
    assert done.returncode == 2
    assert "No command is called 'acme'. Known: bench," in done.stderr
    done = environment.sinkd("zoo", "download", "acme-beers", SINKD_HOME=str(tmp_path))
    assert done.returncode == 2
    assert "No student in the zoo is called 'acme-beers'. Known: " in done.stderr
