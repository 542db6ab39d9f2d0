"""Plugins that are broken, in each other's way, or written for another version: told of, and harmless to the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugins.conftest import Environment, Install

HEAD = """
from sinkd_plugin.hookspecs import hookimpl
from sinkd_plugin.options import Options
from sinkd_plugin.specs import CommandSpec, LossSpec, TaskSpec

def loss(name):
    return LossSpec(name=name, summary="s", slot="kd_loss", options=Options, build=print)

"""
LOSS = "@hookimpl\ndef sinkd_losses():\n    return [loss('{name}')]\n"
COMMAND = "@hookimpl\ndef sinkd_commands():\n    return [CommandSpec(name='tap', summary='s', load=print)]\n"


def hook(signature: str, body: str = "return []") -> str:
    return f"@hookimpl\ndef {signature}:\n    {body}\n"


DISTRIBUTIONS = {
    "event_fails": ("event_fails", HEAD + hook("sinkd_after_distill(plan)", "raise OSError('inside')")),
    "event_heard": ("event_heard", HEAD + hook("sinkd_after_distill(result)", "print('heard', result)")),
    "event_fails_too": ("zz_event_fails", HEAD + hook("sinkd_after_distill()", "return 1 / 0")),
    "no_distiller": ("no_distiller", HEAD + hook("sinkd_make_distiller()", "return None")),
    "distiller_fails": ("distiller_fails", HEAD + hook("sinkd_make_distiller(plan)", "return plan.nothing")),
    "well": ("well", HEAD + LOSS.format(name="well_loss")),
    "hookspecs_fail": ("hookspecs", HEAD + hook("sinkd_add_hookspecs(pm)", "raise OSError('inside')")),
    "fails_twice": (
        "fails_twice",
        HEAD
        + hook("sinkd_add_hookspecs()", "raise OSError('first')")
        + hook("sinkd_tasks()", "raise OSError('second')"),
    ),
    "rival_one": ("rival", HEAD + LOSS.format(name="rival_one_loss")),
    "rival_two": ("rival", HEAD + LOSS.format(name="rival_two_loss")),
    "rival_of_zoo": ("zoo", HEAD + LOSS.format(name="rival_of_zoo_loss")),
    "newer": ("newer", HEAD + LOSS.format(name="newer_loss") + hook("sinkd_curricula(plan)")),
    "newer_argument": ("newer_argument", HEAD + LOSS.format(name="half_loss") + hook("sinkd_tasks(language)")),
    "wrong_target": ("wrong_target", HEAD + hook("sinkd_export_targets(model)")),
    "needs_absent": ("needs_absent", "import no_such_package_anywhere\n" + HEAD + LOSS.format(name="absent_loss")),
    "needs_absent_later": (
        "needs_absent_later",
        HEAD
        + "def load():\n    import no_such_package_anywhere\n"
        + hook("sinkd_commands()", "return [CommandSpec(name='later', summary='s', load=load)]"),
    ),
    "family_fails": (
        "family_fails",
        HEAD
        + "from sinkd_plugin.specs import ArchitectureSpec\n"
        + hook(
            "sinkd_architectures()",
            "return [ArchitectureSpec(name='a', summary='s', supports=lambda config: config.nothing, build=print)]",
        ),
    ),
    "exits": ("exits", "import sys\nsys.exit(3)\n"),
    "clash_one": ("clash_one", HEAD + LOSS.format(name="claimed") + COMMAND),
    "clash_two": ("clash_two", HEAD + LOSS.format(name="claimed") + COMMAND),
    "wrong_record": (
        "wrong_record",
        HEAD + hook("sinkd_losses()", "return [CommandSpec(name='no_loss', summary='s', load=print)]"),
    ),
    "no_summary": (
        "no_summary",
        HEAD + LOSS.replace("loss('{name}')", "LossSpec(**vars(loss('x'))|{'summary': None})"),
    ),
}


@pytest.fixture(scope="module")
def crowd(install: Install) -> Environment:
    """Every one of them at once."""
    return install(**DISTRIBUTIONS)


@pytest.fixture(scope="module")
def plugins(crowd: Environment) -> dict[str, Any]:
    return crowd.plugins()


@pytest.fixture(scope="module")
def losses(crowd: Environment) -> dict[str, str]:
    """Which plugin brings which loss."""
    return {row["name"]: row["plugin"] for row in crowd.json("list", "losses")}


def test_every_command_still_works(crowd: Environment) -> None:
    for words in (("--help",), ("list", "targets"), ("list", "tasks"), ("zoo", "list"), ("plugins",)):
        done = crowd.sinkd(*words)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stdout + done.stderr


def test_our_own_plugins_and_the_one_that_is_well_are_untouched(
    plugins: dict[str, Any], losses: dict[str, str]
) -> None:
    for name in ("core", "zoo", "export", "well"):
        assert plugins[name]["failures"] == plugins[name]["clashes"] == plugins[name]["unknown_hooks"] == []
    assert plugins["well"]["adds"] == {"losses": ["well_loss"]}
    assert plugins["zoo"]["adds"]["sources"]
    assert (losses["well_loss"], losses["sinkd"]) == ("well", "core")


@pytest.mark.parametrize(
    ("distribution", "failure"),
    [
        ("hookspecs-fail", "sinkd_add_hookspecs: OSError: inside"),
        ("rival-one", "rival-one and rival-two each call a plugin 'rival'; uninstall all but one"),
        ("rival-two", "rival-one and rival-two each call a plugin 'rival'; uninstall all but one"),
        ("rival-of-zoo", "rival-of-zoo and sinkd-plugin each call a plugin 'zoo'; uninstall all but one"),
        ("needs-absent", "ModuleNotFoundError: No module named 'no_such_package_anywhere'"),
        ("exits", "SystemExit: 3"),
    ],
)
def test_what_does_not_load_says_why(plugins: dict[str, Any], distribution: str, failure: str) -> None:
    assert plugins[distribution]["failures"] == [failure]
    assert plugins[distribution]["version"] == "1.5"
    assert plugins[distribution]["adds"] == {}


@pytest.mark.parametrize(
    ("distribution", "words"),
    [
        ("newer-argument", ("PluginValidationError", "sinkd_tasks", "language")),
        ("wrong-target", ("PluginValidationError", "sinkd_export_targets", "model")),
        ("wrong-record", ("sinkd_losses: TypeError", "records of type LossSpec", "CommandSpec")),
        ("no-summary", ("sinkd_losses: TypeError", "a name and a summary")),
    ],
)
def test_what_breaks_a_hooks_promise_is_blamed_itself(
    plugins: dict[str, Any], distribution: str, words: tuple[str, ...]
) -> None:
    (failure,) = plugins[distribution]["failures"]
    assert all(word in failure for word in words), failure


def test_every_failure_is_told(plugins: dict[str, Any]) -> None:
    expected = ["sinkd_add_hookspecs: OSError: first", "sinkd_tasks: OSError: second"]
    assert plugins["fails-twice"]["failures"] == expected


def test_a_plugin_is_there_as_a_whole_or_not_at_all(losses: dict[str, str]) -> None:
    """Its hook ``sinkd_losses`` is fine and comes before the one that is refused."""
    assert "half_loss" not in losses


def test_none_of_two_rivals_is_taken_by_chance(losses: dict[str, str]) -> None:
    assert not {"rival_one_loss", "rival_two_loss", "rival_of_zoo_loss"} & set(losses)


def test_a_hook_of_a_newer_version_is_told_of_and_does_no_harm(plugins: dict[str, Any], crowd: Environment) -> None:
    assert plugins["newer"]["failures"] == []
    assert plugins["newer"]["adds"] == {"losses": ["newer_loss"]}
    assert [found["hook"] for found in plugins["newer"]["unknown_hooks"]] == ["sinkd_curricula"]
    assert "newer: nothing calls the hook 'sinkd_curricula'" in crowd.sinkd("plugins").stdout


def test_two_that_claim_a_name_are_both_named_when_it_is_used(plugins: dict[str, Any], crowd: Environment) -> None:
    claimed = {"kind": "losses", "name": "claimed", "plugins": ["clash_one", "clash_two"]}
    assert claimed in plugins["clash-one"]["clashes"]
    assert claimed in plugins["clash-two"]["clashes"]
    done = crowd.sinkd("tap")
    assert done.returncode == 1
    assert "A command must come from one plugin. Received: 'tap' from clash_one and clash_two." in done.stderr
    assert "choose with SINKD_PLUGINS" in done.stderr


def test_choosing_one_of_two_settles_their_clash(crowd: Environment) -> None:
    rows = {row["name"]: row["plugin"] for row in crowd.json("list", "losses", SINKD_PLUGINS="clash_two")}
    assert rows["claimed"] == "clash_two"
    assert crowd.plugins(SINKD_PLUGINS="clash_two")["clash-two"]["clashes"] == []


def test_an_unknown_name_tells_of_the_plugins_that_failed(crowd: Environment) -> None:
    done = crowd.sinkd("tapp")
    assert done.returncode == 2
    assert "Did you mean 'tap'?" in done.stderr
    for title in ("needs_absent", "rival of rival-one", "zoo of rival-of-zoo"):
        assert title in done.stderr.split("These plugins failed to load:")[1]


def test_a_variable_that_names_no_plugin_says_so_in_every_command(crowd: Environment) -> None:
    expected = "SINKD_PLUGINS names it, but no such plugin is installed; did you mean 'well'?"
    done = crowd.sinkd("list", "losses", SINKD_PLUGINS="wel")
    assert f"Plugin 'wel': {expected}" in done.stderr
    assert "well_loss" not in done.stdout
    assert f"wel: failed: {expected}" in crowd.sinkd("plugins", SINKD_PLUGINS="wel").stdout


def test_an_event_reaches_everyone_whoever_fails_in_it(crowd: Environment) -> None:
    program = "from sinkd_plugin.plugins import announce; announce('sinkd_after_distill', plan=None, result={'n': 3})"
    done = crowd.run("-c", program)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "heard {'n': 3}\n"
    assert "Plugin 'event_fails' failed in its hook sinkd_after_distill: OSError: inside" in done.stderr
    assert "Plugin 'zz_event_fails' failed in its hook sinkd_after_distill: ZeroDivisionError" in done.stderr


def test_a_distiller_that_cannot_be_made_stops_the_run_and_names_its_plugin(crowd: Environment) -> None:
    program = "from sinkd_plugin.plugins import first_answer; first_answer('sinkd_make_distiller', plan=None)"
    done = crowd.run("-c", program)
    assert "The plugin 'distiller_fails' failed in its hook sinkd_make_distiller." in done.stderr
    assert "AttributeError: 'NoneType' object has no attribute 'nothing'" in done.stderr
    assert crowd.run("-c", program, SINKD_PLUGINS="no_distiller").returncode == 0


def test_a_package_that_is_absent_only_when_it_is_needed_is_named(crowd: Environment) -> None:
    done = crowd.sinkd("later")
    assert done.returncode == 2
    assert "This needs the package 'no_such_package_anywhere', which is not installed." in done.stderr


def test_textbrewer_gets_every_sound_loss_and_none_that_two_claim(crowd: Environment) -> None:
    names = ["well_loss", "newer_loss", "sinkd", "claimed", "no_loss"]
    program = f"import sinkd_plugin, textbrewer; print([name in textbrewer.KD_LOSS_MAP for name in {names}])"
    assert crowd.program(program) == "[True, True, True, False, False]"


@pytest.mark.slow
def test_a_family_that_fails_leaves_models_to_the_others(crowd: Environment) -> None:
    program = (
        "from sinkd_plugin.architectures.specs import architecture_of\n"
        "from transformers import BertConfig, ViTConfig\n"
        "from sinkd_plugin.errors import ModelReferenceError\n"
        "print(architecture_of(BertConfig()).name)\n"
        "try: architecture_of(ViTConfig())\n"
        "except ModelReferenceError as error: print(error.received)"
    )
    done = crowd.run("-c", program)
    assert done.stdout.splitlines() == ["encoder", "model type 'vit'"], done.stderr
    assert "Plugin 'family_fails': its architecture 'a' cannot tell what it supports" in done.stderr
