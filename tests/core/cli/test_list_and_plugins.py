"""``sinkd list`` and ``sinkd plugins`` as a user runs them: real processes, real third-party plugins."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sinkd_plugin.tasks.prompt_records import PROMPTS

HEAVY = ("torch", "transformers", "datasets", "textbrewer", "onnxruntime", "sklearn")


def sinkd(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sinkd_plugin", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def rows(*arguments: str, **environment: str) -> list[dict[str, Any]]:
    done = sinkd(*arguments, "--json", **environment)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert isinstance(data, list)
    return data


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("plugins",),
        ("list", "--help"),
        *(("list", kind) for kind in ("losses", "architectures", "tasks", "targets", "sources")),
    ],
    ids=" ".join,
)
def test_listing_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    script = (
        "import sys\nfrom sinkd_plugin.cli.main import main\n"
        f"try: main({list(arguments)!r})\n"
        "except SystemExit as end: code = end.code\n"
        f"print(code, [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "0 []"
    assert done.stdout.strip()


def test_tasks_have_their_metric_and_columns() -> None:
    tasks = {row["name"]: row for row in rows("list", "tasks")}
    assert tasks["glue/cola"] == {
        "name": "glue/cola",
        "metric": "matthews_correlation",
        "text": ["sentence"],
        "prompts": [prompt.name for prompt in PROMPTS["glue/cola"]],
        "summary": tasks["glue/cola"]["summary"],
        "plugin": "core",
    }
    assert {"reviews", "glue/rte", "superglue/cb"} <= set(tasks)


@pytest.mark.parametrize(
    ("kind", "name"), [("losses", "sinkd"), ("architectures", "encoder"), ("targets", "onnx"), ("sources", "folder")]
)
def test_each_kind_is_a_list_of_named_objects(kind: str, name: str) -> None:
    listed = rows("list", kind)
    assert name in [row["name"] for row in listed]
    assert all(row["summary"] and row["plugin"] for row in listed)
    assert all(row["slot"] in ("kd_loss", "match_loss") for row in listed if kind == "losses")


def test_the_table_shows_whole_names() -> None:
    shown = sinkd("list", "tasks").stdout
    assert "matthews_correlation" in shown
    assert "superglue/rte" in shown


def test_an_unknown_kind_is_the_users_mistake() -> None:
    done = sinkd("list", "tusks")
    assert done.returncode == 2
    assert "tusks" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["list", "plugins"])
def test_help_has_an_example(command: str) -> None:
    assert "Example: sinkd" in sinkd(command, "--help").stdout


def test_targets_without_the_exporter_say_what_to_install() -> None:
    done = sinkd("list", "targets", SINKD_PLUGINS="core")
    assert done.returncode == 2
    assert "pip install 'sinkd-plugin[export]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_our_own_plugins_are_well() -> None:
    plugins = {row["name"]: row for row in rows("plugins")}
    assert {"core", "zoo", "export"} <= set(plugins)
    assert "reviews" in plugins["core"]["adds"]["tasks"]
    for name in ("core", "zoo", "export"):
        assert plugins[name]["distribution"] == "sinkd-plugin"
        assert plugins[name]["failures"] == plugins[name]["clashes"] == plugins[name]["unknown_hooks"] == []


def install(site: Path, name: str, module: str) -> None:
    """A distribution as pip would lay it: a module, its metadata and its entry point."""
    (site / f"{name}_module.py").write_text(module, encoding="utf-8")
    folder = site / f"{name}-1.5.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n", encoding="utf-8")
    (folder / "entry_points.txt").write_text(f"[sinkd]\n{name} = {name}_module\n", encoding="utf-8")


GOOD = """
from sinkd_plugin.hookspecs import hookimpl
from sinkd_plugin.specs import TaskSpec

@hookimpl
def sinkd_tasks():
    return [TaskSpec(name="acme/beers", summary="Beers.", text=("t",), labels=("a", "b"), metric="f1", load=print)]
"""
PLUGINS = {
    "acmegood": GOOD,
    "acmeclash": GOOD.replace("acme/beers", "reviews"),
    "acmetypo": GOOD.replace("def sinkd_tasks", "def sinkd_task"),
    "acmeimport": "import no_such_module_anywhere",
    "acmehook": GOOD.replace("return [", "return 1 / 0, ["),
    "acmenone": GOOD.replace("return [", "return None and ["),
    "acmetext": GOOD.replace("return [", "return 'reviews', ["),
}


@pytest.fixture(scope="module")
def third_parties(tmp_path_factory: pytest.TempPathFactory) -> str:
    site = tmp_path_factory.mktemp("site")
    for name, module in PLUGINS.items():
        install(site, name, module)
    return str(site)


def test_each_plugin_shows_what_it_adds_and_what_is_wrong_with_it(third_parties: str) -> None:
    plugins = {row["name"]: row for row in rows("plugins", PYTHONPATH=third_parties)}
    good = plugins["acmegood"]
    assert (good["distribution"], good["version"], good["adds"]) == ("acmegood", "1.5", {"tasks": ["acme/beers"]})
    assert good["failures"] == good["clashes"] == good["unknown_hooks"] == []
    assert plugins["acmeclash"]["clashes"] == [{"kind": "tasks", "name": "reviews", "plugins": ["acmeclash", "core"]}]
    assert plugins["core"]["clashes"] == plugins["acmeclash"]["clashes"]
    assert plugins["acmetypo"]["unknown_hooks"] == [{"hook": "sinkd_task", "nearest": "sinkd_tasks"}]
    assert "no_such_module_anywhere" in plugins["acmeimport"]["failures"][0]
    assert "ZeroDivisionError" in plugins["acmehook"]["failures"][0]
    assert plugins["acmenone"]["failures"][0].startswith("sinkd_tasks: TypeError")
    assert plugins["acmetext"]["failures"][0].startswith("sinkd_tasks: TypeError")


def test_the_table_names_every_problem_and_no_broken_plugin_hides_the_others(third_parties: str) -> None:
    done = sinkd("plugins", PYTHONPATH=third_parties)
    assert done.returncode == 0
    for words in (
        "acmegood 1.5",
        "acmetypo: nothing calls the hook 'sinkd_task'; did you mean 'sinkd_tasks'?",
        "acmeimport: failed: ModuleNotFoundError: No module named 'no_such_module_anywhere'",
        "acmeclash: 'reviews' (tasks) comes from acmeclash and core",
    ):
        assert words in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    listed = {row["name"]: row["plugin"] for row in rows("list", "tasks", PYTHONPATH=third_parties)}
    assert listed["acme/beers"] == "acmegood"
    assert listed["glue/rte"] == "core"


def test_plugins_can_be_left_out(third_parties: str) -> None:
    names = {row["name"] for row in rows("plugins", PYTHONPATH=third_parties, SINKD_PLUGINS="acmegood")}
    assert names == {"core", "acmegood"}
