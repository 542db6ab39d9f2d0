"""Recipes: the YAML files that each bundled student is made from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, Field

from sinkd_plugin.errors import ConfigError, unknown_name
from sinkd_plugin.options import Options, validate
from sinkd_zoo.names import check_name, check_text


class Shrinking(Options):
    """How the finished student is made smaller.

    Args:
        minimum_count: Tokens that occur less often than this in the training texts are left out of the vocabulary.
        positions: Longest input that is kept, in tokens; ``None`` keeps all.
    """

    minimum_count: int | None = Field(None, ge=1)
    positions: int | None = Field(None, ge=8)


class Recipe(Options):
    """Everything that makes a student.

    Args:
        name: Its name.
        summary: One line about it.
        license: SPDX identifier of its weights.
        teacher_license: SPDX identifier of the weights that it was distilled from.
        threads: Threads to compute with: another number gives other roundings, and so another student.
        run: What ``sinkd distill`` takes, without ``training.output_dir``.
        shrink: How it is made smaller; its weights are stored in float16 in any case.
    """

    name: Annotated[str, AfterValidator(check_name)]
    summary: Annotated[str, AfterValidator(check_text)]
    license: str
    teacher_license: str
    threads: int = Field(2, ge=1)
    run: dict[str, Any]
    shrink: Shrinking = Shrinking()


def recipe_folder() -> Path:
    """Where the recipes lie: inside the installed package, or in ``zoo/recipes`` of a source tree."""
    packaged = Path(__file__).parent / "recipes"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "recipes"


def recipe_file(name: str) -> Path:
    """The file of a recipe.

    Args:
        name: Name of a student, or path of a YAML file.

    Raises:
        UnknownNameError: If there is no such recipe.
    """
    if name.endswith((".yaml", ".yml")):
        return Path(name).expanduser()
    known = {path.stem: path for path in recipe_folder().glob("*.yaml")}
    if name not in known:
        raise unknown_name("recipe", name, known, "A path to a YAML file will do, too.")
    return known[name]


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe; its run is checked by ``sinkd distill``.

    Raises:
        ConfigError: If it cannot be read, or a key or value is wrong.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError("A recipe must be a readable YAML file.", received=f"'{path}': {error}") from error
    return validate(Recipe, data, path.name)
