"""Third-party plugins as users get them: wheels that hatchling builds and pip installs, beside this environment."""

from __future__ import annotations

import json
import os
import shutil
import site
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

    def run(self, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run its Python, however it ends."""
        return finished([self.python, *words], PYTHONPATH=self.path, **environment)

    def sinkd(self, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command, however it ends."""
        return self.run("-m", "sinkd_plugin", *words, **environment)

    def pip(self, *words: str | Path) -> None:
        """Run this environment's pip, which is the one of the environment around it."""
        run([self.python, *PIP, *words])

    def program(self, text: str, **environment: str) -> str:
        """What a Python program that ends well prints."""
        return run([self.python, "-c", text], PYTHONPATH=self.path, **environment).stdout.strip()

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


ACME = Path(__file__).parent / "acme"


@pytest.fixture(scope="session")
def acme_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of ``tests/plugins/acme``, as its author would publish it."""
    source, built = tmp_path_factory.mktemp("acme") / "source", tmp_path_factory.mktemp("wheel")
    shutil.copytree(ACME, source, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (wheel,) = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Environment]:
    """Make a virtual environment that also sees everything in this one, so that nothing big is installed twice."""

    def make() -> Environment:
        folder = tmp_path_factory.mktemp("scratch") / "venv"
        run([sys.executable, "-m", "venv", "--without-pip", folder])
        python = folder / "bin" / "python"
        own = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).stdout.strip()
        lines = [f"import site; site.addsitedir({seen!r})\n" for seen in site.getsitepackages()]
        Path(own, "this_environment.pth").write_text("".join(lines), encoding="utf-8")
        return Environment(python)

    return make


@pytest.fixture(scope="session")
def acme(acme_wheel: Path, scratch: Callable[[], Environment]) -> Environment:
    """An environment with acme's wheel."""
    environment = scratch()
    environment.pip("install", "--no-index", "--no-deps", acme_wheel)
    return environment
