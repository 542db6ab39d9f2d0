"""What docs/loss.md says of the loss is what the loss does."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "loss.md").read_text(encoding="utf-8")
FIGURES = re.findall(r"`python (docs/figures/\w+\.py) (docs/images/\w+\.png)`", PAGE)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    pytest.importorskip("matplotlib", reason="the figures' scripts share the numbers")
    monkeypatch.syspath_prepend(ROOT / "docs" / "figures")
    return importlib.import_module("loss_numbers")


def known() -> dict[str, float]:
    numbers: dict[str, float] = json.loads((ROOT / "docs" / "loss_numbers.json").read_text(encoding="utf-8"))
    return numbers


def test_the_numbers_on_the_page_are_the_recorded_ones(script: ModuleType) -> None:
    assert script.with_numbers(PAGE, known()) == PAGE, "run: python docs/figures/loss_numbers.py"


def test_every_mark_stands_behind_a_number(script: ModuleType) -> None:
    marks = re.findall(r"<!--([\w-]+)-->", PAGE)
    assert marks == [match[2] for match in script.MARKED.finditer(PAGE)]
    assert set(marks) <= set(known())


def test_the_recorded_numbers_are_what_the_loss_computes(script: ModuleType) -> None:
    computed = script.numbers()
    assert computed.keys() == known().keys()
    for name, value in known().items():
        # A gradient that is rounded differently may turn one of 64 rows, or take one step more.
        whole = name.startswith(("agreement", "opposed", "steps"))
        assert computed[name] == pytest.approx(value, rel=0.02, abs=2 if whole else 1e-9), name


def test_every_figure_has_its_command() -> None:
    assert {image.removeprefix("docs/") for _, image in FIGURES} == set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", PAGE))
    for source, image in FIGURES:
        assert (ROOT / source).is_file()
        assert (ROOT / image).is_file()


@pytest.mark.slow
@pytest.mark.parametrize(("source", "image"), FIGURES)
def test_every_figure_can_be_drawn(source: str, image: str, tmp_path: Path) -> None:
    target = tmp_path / Path(image).name
    subprocess.run([sys.executable, source, str(target)], cwd=ROOT, check=True, timeout=300)
    assert target.read_bytes().startswith(b"\x89PNG")
