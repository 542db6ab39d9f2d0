"""The built wheel, installed into a clean environment: what a user of the package index gets."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def run(words: Sequence[str | Path], cwd: Path, *, expected: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == expected, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def clean(wheel: Path, new_environment: Callable[..., Path]) -> Path:
    """A virtual environment that holds the wheel and its base dependencies, and nothing else; its ``bin``."""
    return new_environment("clean", wheel)


def from_json(clean: Path, cwd: Path, *words: str) -> Any:
    return json.loads(run([clean / "sinkd", *words], cwd).stdout)


def test_the_commands_list_what_the_wheel_brings(clean: Path, tmp_path: Path) -> None:
    losses = {entry["name"] for entry in from_json(clean, tmp_path, "list", "losses", "--json")}
    assert {"sinkd", "sinkhorn", "kl", "reverse_kl", "js", "tvd"} <= losses
    plugins = {entry["name"]: entry for entry in from_json(clean, tmp_path, "plugins", "--json")}
    assert {"core", "export", "zoo"} <= set(plugins)


def test_the_loss_computes_without_any_extra(clean: Path, tmp_path: Path) -> None:
    program = (
        "import torch; from sinkd_plugin import SinkhornLoss;"
        "print(SinkhornLoss()(torch.eye(3) * 9, torch.eye(3) * 9).item() < 0.1)"
    )
    assert run([clean / "python", "-W", "error", "-c", program], tmp_path).stdout.strip() == "True"


def test_textbrewer_learns_the_name(clean: Path, tmp_path: Path) -> None:
    program = "import sinkd_plugin, textbrewer; print('sinkd' in textbrewer.KD_LOSS_MAP)"
    assert run([clean / "python", "-W", "error", "-c", program], tmp_path).stdout.strip() == "True"


def test_the_rooms_are_importable_and_typed(clean: Path, tmp_path: Path) -> None:
    program = (
        "import sinkd_zoo, sinkd_export, sinkd_plugin; from importlib.resources import files;"
        "print(all((files(m) / 'py.typed').is_file() for m in ('sinkd_plugin', 'sinkd_zoo', 'sinkd_export')))"
    )
    assert run([clean / "python", "-c", program], tmp_path).stdout.strip() == "True"


def test_a_command_without_its_extra_says_what_to_install(clean: Path, tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("task: reviews\nteacher: {model: x}\nstudent: {model: y}\ntraining: {output_dir: run}\n")
    done = run([clean / "sinkd", "distill", config], tmp_path, expected=2)
    assert "pip install 'sinkd-plugin[train]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_the_quickstart_finds_its_configuration_inside_the_wheel(clean: Path, tmp_path: Path) -> None:
    program = (
        "from sinkd_plugin.quickstart.steps import configuration_file; p = configuration_file();"
        "import yaml; print(yaml.safe_load(p.read_text())['task'])"
    )
    assert run([clean / "python", "-c", program], tmp_path).stdout.strip() == "reviews"


def test_the_zoo_brings_its_students_and_recipes(clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any extra: bundled students need no network, and a web server says which extra it needs."""
    monkeypatch.setenv("SINKD_HOME", str(tmp_path / "home"))
    for student in from_json(clean, tmp_path, "zoo", "list", "--json"):
        folder = from_json(clean, tmp_path, "zoo", "download", student["name"], "--json")["folder"]
        assert (Path(folder) / "model.safetensors").stat().st_size == student["sizes"]["model.safetensors"]
    done = run([clean / "sinkd", "zoo", "list", "--source", "https://zoo.example.org"], tmp_path, expected=2)
    assert "pip install 'sinkd-plugin[zoo]'" in done.stderr
    done = run([clean / "sinkd", "zoo", "build", "no-such-recipe"], tmp_path, expected=2)
    assert "Known: " in done.stderr
    assert "minilm-l3-reviews" in done.stderr
