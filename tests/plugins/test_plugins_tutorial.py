"""``docs/plugins.md`` says what is so: its quotations, its reference, and what its commands print."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from tests.plugins.conftest import Environment, Install

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
HEALTHY, FAULTY = PAGE.split("## When something is wrong")
QUOTATIONS = re.findall(r"^From \[[\w.]+\]\(\.\./([^)]+)\):\n\n```\w+\n(.*?)```", PAGE, flags=re.MULTILINE | re.DOTALL)

LOSS = """
from sinkd_plugin.hookspecs import hookimpl
from sinkd_plugin.options import Options
from sinkd_plugin.specs import LossSpec

@hookimpl
def sinkd_losses():
    return [LossSpec(name="{name}", summary="s", slot="kd_loss", options=Options, build=print)]
"""
COMPANY = {
    "brittle_sinkd": ("brittle", "import some_absent_package"),
    "copycat_sinkd": ("copycat", LOSS.format(name="acme_huber")),
    "tomorrow_sinkd": (
        "tomorrow",
        LOSS.format(name="tomorrow_loss") + "@hookimpl\ndef sinkd_curricula(plan):\n    return []\n",
    ),
    "castor_sinkd": ("twin", LOSS.format(name="castor")),
    "pollux_sinkd": ("twin", LOSS.format(name="pollux")),
}


def consoles(text: str) -> list[tuple[str, list[str]]]:
    """Each command of the page with the lines that it prints; what follows an ellipsis is left open."""
    sessions = []
    for block in re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL):
        for session in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = session.splitlines()
            sessions.append((command, [line.partition("…")[0] for line in lines if line.partition("…")[0].strip()]))
    return sessions


def printed(environment: Environment, command: str, folder: Path) -> str:
    words = shlex.split(command)
    variables = dict(word.split("=", 1) for word in words[: words.index("sinkd")])
    arguments = [folder / word if word.endswith(".yaml") else word for word in words[words.index("sinkd") + 1 :]]
    done = environment.sinkd(*arguments, SINKD_HOME=str(folder), COLUMNS="200", **variables)
    return done.stdout + done.stderr


def check(environment: Environment, sessions: list[tuple[str, list[str]]], folder: Path) -> None:
    assert sessions
    for command, lines in sessions:
        found = [" ".join(line.split()) for line in printed(environment, command, folder).splitlines()]
        for line in lines:
            assert any(" ".join(line.split()) in one for one in found), (command, line, found)


@pytest.mark.parametrize(("path", "text"), QUOTATIONS, ids=[path for path, _ in QUOTATIONS])
def test_what_is_quoted_stands_in_its_file(path: str, text: str) -> None:
    assert text in (ROOT / path).read_text(encoding="utf-8")


def test_every_module_of_acme_is_quoted_or_linked() -> None:
    modules = (ROOT / "tests" / "plugins" / "acme" / "acme_sinkd").glob("[a-z]*.py")
    quoted = {Path(path).name for path, _ in QUOTATIONS}
    assert {path.name for path in modules} - quoted == {"distiller.py"}  # told of by the hook that makes it


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plugin_reference", ROOT / "docs" / "plugin_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_that_of_the_code() -> None:
    script = reference()
    assert script.with_reference(PAGE, script.reference()) == PAGE, "run: python docs/plugin_reference.py"


def test_the_reference_explains_every_field() -> None:
    cells = [line.split(" | ") for line in PAGE.split("### Records")[1].splitlines() if line.startswith("| `")]
    assert cells
    assert all(cell[-1].strip(" |") for cell in cells)


def test_snippets_of_yaml_can_be_read() -> None:
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL):
        assert isinstance(yaml.safe_load(block), dict)


def test_the_test_of_a_loss_passes(acme: Environment) -> None:
    (snippet,) = [block for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL) if "assert" in block]
    acme.program(snippet)


def test_textbrewer_knows_its_losses_once_we_are_imported(acme: Environment) -> None:
    program = (
        "import sinkd_plugin, textbrewer as t; print('acme_huber' in t.KD_LOSS_MAP, 'acme_cosine' in t.MATCH_LOSS_MAP)"
    )
    assert acme.program(program) == "True True"


def test_what_a_sound_plugin_shows_is_what_is_printed(acme: Environment, tmp_path: Path) -> None:
    check(acme, [session for session in consoles(HEALTHY) if not session[0].startswith("pip ")], tmp_path)


@pytest.fixture(scope="module")
def company(acme: Environment, install: Install) -> Environment:
    """Acme among the plugins of the page's last section."""
    return type(acme)(acme.python, install(**COMPANY).path)


def test_what_faulty_plugins_show_is_what_is_printed(company: Environment, tmp_path: Path) -> None:
    check(company, [session for session in consoles(FAULTY) if "distill" not in session[0]], tmp_path)


@pytest.mark.slow
def test_what_a_clash_looks_like_is_what_is_printed(company: Environment, tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests" / "plugins" / "acme" / "student.yaml", tmp_path)
    check(company, [session for session in consoles(FAULTY) if "distill" in session[0]], tmp_path)
