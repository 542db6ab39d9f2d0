"""Plugins as installed distributions: a broken or a rival one never takes the others along."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sinkd_plugin.catalog import catalog, table
from sinkd_plugin.errors import PluginError, UnknownNameError
from sinkd_plugin.plugins import announce, loaded_plugins

Install = Callable[[str, str, str], None]

GOOD = """
from sinkd_plugin.hookspecs import hookimpl
from sinkd_plugin.options import Options
from sinkd_plugin.specs import LossSpec

@hookimpl
def sinkd_losses():
    return [LossSpec(name="{name}", summary="s", slot="kd_loss", options=Options, build=lambda options: None)]
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution with one module and one entry point for this test; the plugins are then loaded anew."""

    def make(distribution: str, entry_point: str, source: str) -> None:
        module = distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
        information = tmp_path / f"{module}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(f"[sinkd]\n{entry_point} = {module}\n")

    monkeypatch.syspath_prepend(str(tmp_path))
    _forget()
    yield make
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    loaded_plugins.cache_clear()
    catalog.cache_clear()


def failures() -> dict[tuple[str, str], str | None]:
    return {(plugin.name, plugin.distribution): plugin.failure for plugin in loaded_plugins().plugins}


def test_a_third_partys_loss_is_there(install: Install) -> None:
    install("acme-losses", "acme", GOOD.format(name="acme"))
    assert catalog().losses.get("acme").summary == "s"
    assert {"sinkd", "acme"} <= set(catalog().losses.names())


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError"),
        ("raise SystemError('no')", "SystemError: no"),
        (GOOD.format(name="x").replace("sinkd_losses()", "sinkd_losses(wrong)"), "PluginValidationError"),
    ],
)
def test_a_broken_plugin_is_told_of_and_harms_nobody(install: Install, source: str, reason: str) -> None:
    install("broken-losses", "broken", source)
    install("sound-losses", "sound", GOOD.format(name="sound"))
    assert reason in str(failures()["broken", "broken-losses"])
    assert catalog().losses.get("sound").name == "sound"
    with pytest.raises(UnknownNameError, match=r"These plugins failed to load: broken \(see `sinkd plugins`\)"):
        catalog().losses.get("nothing-like-it")


def test_a_plugin_that_fails_in_a_hook_harms_nobody(install: Install) -> None:
    hook = "from sinkd_plugin.hookspecs import hookimpl\n@hookimpl\ndef {name}:\n    raise OSError('inside')\n"
    install("late-losses", "late", hook.format(name="sinkd_losses()"))
    install("specs-losses", "specs", hook.format(name="sinkd_add_hookspecs(pm)"))
    assert "sinkd" in catalog().losses
    assert "inside" in catalog().losses.failures["late"]
    assert failures()["specs", "specs-losses"] == "sinkd_add_hookspecs: OSError: inside"


def test_an_event_that_fails_stops_nothing(install: Install, caplog: pytest.LogCaptureFixture) -> None:
    source = (
        "from sinkd_plugin.hookspecs import hookimpl\n@hookimpl\ndef sinkd_after_distill(plan):\n    raise OSError\n"
    )
    install("eventful", "eventful", source)
    announce("sinkd_after_distill", plan=None, result={})
    assert "sinkd_after_distill" in caplog.text


def test_a_name_that_two_claim_is_an_error_when_it_is_used(install: Install) -> None:
    install("one-losses", "one", GOOD.format(name="ours"))
    install("two-losses", "two", GOOD.format(name="ours"))
    assert catalog().losses.clashes() == {"ours": ["one", "two"]}
    with pytest.raises(PluginError, match="'ours' from one and two"):
        catalog().losses.get("ours")


def test_two_plugins_of_one_name_do_not_replace_each_other_silently(install: Install) -> None:
    install("first-losses", "same", GOOD.format(name="first"))
    install("second-losses", "same", GOOD.format(name="second"))
    told = [failure for (name, _), failure in failures().items() if name == "same"]
    assert told == ["first-losses and second-losses each call a plugin 'same'; uninstall all but one"] * 2


def test_nobody_can_take_the_place_of_our_core(install: Install) -> None:
    install("rival-losses", "core", GOOD.format(name="rival"))
    assert "sinkd" in catalog().losses
    assert failures()["core", "rival-losses"] == (
        "rival-losses and sinkd-plugin each call a plugin 'core'; uninstall all but one"
    )


def test_loading_can_be_restricted(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("acme-losses", "acme", GOOD.format(name="acme"))
    install("other-losses", "other", GOOD.format(name="other"))
    monkeypatch.setenv("SINKD_PLUGINS", "acme, mistyped")
    assert {"acme", "sinkd"} <= set(catalog().losses.names())
    assert "other" not in catalog().losses
    assert "no such plugin is installed" in str(failures()["mistyped", "–"])


def test_rooms_can_ask_for_tables_of_their_own() -> None:
    assert table("command", "sinkd_commands").names() == catalog().commands.names()
