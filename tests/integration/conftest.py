"""The built wheel, and clean environments to install it into."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def _run(words: Sequence[str | Path], cwd: Path) -> None:
    done = subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as it would be published."""
    into = tmp_path_factory.mktemp("wheel")
    _run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", into], REPOSITORY)
    (built,) = into.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def new_environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``new_environment(name, *words)`` makes a virtual environment with these for pip; returns its ``bin``."""

    def make(name: str, *words: str | Path) -> Path:
        folder = tmp_path_factory.mktemp(name)
        _run([sys.executable, "-m", "venv", folder / "venv"], folder)
        binaries = folder / "venv" / "bin"
        constraints = REPOSITORY / "constraints.txt"
        _run([binaries / "python", "-m", "pip", "install", "--quiet", "--constraint", constraints, *words], folder)
        return binaries

    return make
