"""Third-party plugins as users get them: wheels that hatchling builds and pip installs, beside this environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")
OFFLINE = ("--no-index", "--no-deps", "--no-build-isolation")

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{distribution}"
version = "1.5"

[project.entry-points.sinkd]
{plugin} = "{module}"

[tool.hatch.build.targets.wheel]
only-include = ["{module}.py"]
"""


def run(words: Sequence[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
    """A process that must end well."""
    done = finished(words, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def finished(words: Sequence[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
    """A process, however it ends."""
    return subprocess.run(
        [str(word) for word in words],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@dataclass(frozen=True)
class Environment:
    """A Python that sees this environment, and plugins beside it."""

    python: Path
    path: str = ""

    def sinkd(self, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command, however it ends."""
        return finished([self.python, "-m", "sinkd_plugin", *words], PYTHONPATH=self.path, **environment)

    def json(self, *words: str | Path, **environment: str) -> Any:
        """What a command that ends well prints as JSON."""
        done = self.sinkd(*words, "--json", **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def plugins(self, **environment: str) -> dict[str, Any]:
        """What ``sinkd plugins`` says of each distribution."""
        rows = self.json("plugins", **environment)
        return {row["distribution"] if row["distribution"] != "sinkd-plugin" else row["name"]: row for row in rows}


Install = Callable[..., Environment]


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Build and install one-module distributions, each ``distribution=(plugin, source)``, in a folder of their own."""

    def make(**distributions: tuple[str, str]) -> Environment:
        folder = tmp_path_factory.mktemp("distributions")
        projects = [_project(folder, name, *distribution) for name, distribution in distributions.items()]
        run([sys.executable, *PIP, "install", *OFFLINE, "--target", folder / "site", *projects])
        return Environment(Path(sys.executable), str(folder / "site"))

    return make


def _project(folder: Path, name: str, plugin: str, source: str) -> Path:
    project = folder / name
    project.mkdir()
    (project / f"{name}.py").write_text(source, encoding="utf-8")
    text = PROJECT.format(distribution=name.replace("_", "-"), plugin=plugin, module=name)
    (project / "pyproject.toml").write_text(text, encoding="utf-8")
    return project
