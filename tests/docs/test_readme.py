"""What the README says is what runs."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from click.testing import CliRunner

from sinkd_plugin.catalog import catalog
from sinkd_plugin.cli.main import cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def readme_table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("readme_table", ROOT / "docs" / "readme_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_results_are_those_of_the_recorded_run() -> None:
    script = readme_table()
    summary = json.loads(script.RESULTS.read_text(encoding="utf-8"))
    assert script.with_block(README, script.block(summary)) == README, "run: python docs/readme_table.py"


def test_the_recorded_run_is_one_of_the_shipped_configuration() -> None:
    result = json.loads((ROOT / "docs" / "quickstart.json").read_text(encoding="utf-8"))["result"]
    config = yaml.safe_load((ROOT / "examples" / "quickstart.yaml").read_text(encoding="utf-8"))
    assert result["task"] == config["task"]
    assert result["train_examples"] == config["data"]["max_train_samples"]
    assert result["seed"] == config["training"]["seed"]


def test_the_one_line_change_and_the_two_commands_stand_before_line_40() -> None:
    head = "\n".join(README.splitlines()[:40])
    for needed in ('kd_loss_type="sinkd"', "make quickstart", "make test"):
        assert needed in head


def test_the_make_targets_exist() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(re.findall(r"`?make ([a-z]+)", README)) <= set(targets)


def test_the_configuration_snippet_is_valid() -> None:
    from sinkd_plugin.training.config import checked

    (snippet,) = blocks("yaml")
    config = checked(yaml.safe_load(snippet))
    assert config.distillation.sinkd is not None
    assert config.student.from_teacher_layers == (0, 2, 4)


def test_the_distillation_snippets_run() -> None:
    scope: dict[str, object] = {}
    exec("import textbrewer; from textbrewer import DistillationConfig", scope)
    one_line, own_config, _ = blocks("python")
    exec(one_line, scope)
    exec(own_config, scope)


@pytest.mark.parametrize("line", re.findall(r"^\| `sinkd ([^`]*)`", README, flags=re.MULTILINE))
def test_each_command_of_the_table_has_help_with_an_example(line: str) -> None:
    name = line.split()[0]
    assert name in catalog().commands
    done = CliRunner().invoke(cli, [name, "--help"])
    assert done.exit_code == 0
    assert f"sinkd {name}" in done.output.split("Example", 1)[1]


def test_the_table_holds_every_command() -> None:
    named = {line.split()[0] for line in re.findall(r"^\| `sinkd ([^`]*)`", README, flags=re.MULTILINE)}
    assert named == set(catalog().commands.names())


def test_every_linked_file_exists() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
