"""CONTRIBUTING's map of the project holds every room, and the wheel every package."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_every_top_level_folder_is_on_the_map() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tracked = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")]
    made_by_tools = {"runs", "build", "dist"}
    for folder in tracked:
        if folder.name not in made_by_tools and any(folder.rglob("*.*")):
            assert re.search(rf"^{folder.name}/", text, flags=re.MULTILINE), folder.name


def test_the_hooks_are_on_the_map() -> None:
    hooks = re.findall(r"^def (sinkd_\w+)", (ROOT / "sinkd_plugin" / "hookspecs.py").read_text(), flags=re.MULTILINE)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for hook in hooks:
        assert f"`{hook}" in text, hook


def test_the_wheel_holds_every_import_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {Path(package).name for package in packages} == {"sinkd_plugin", "sinkd_zoo", "sinkd_export"}
    for package in packages:
        assert (ROOT / package / "py.typed").is_file()
