"""``build``: from a recipe to a published student."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sinkd_plugin.console import note
from sinkd_plugin.errors import ConfigError
from sinkd_plugin.storage import read_json, sha256, write_json, write_text
from sinkd_plugin.tasks.load import load_task
from sinkd_plugin.tasks.options import DataOptions, FilesTask
from sinkd_zoo.index import Student
from sinkd_zoo.latency import latency
from sinkd_zoo.own_commands import run_command
from sinkd_zoo.publish import publish
from sinkd_zoo.recipe import Recipe, read_recipe, recipe_file
from sinkd_zoo.run_folder import ORIGIN_FILE
from sinkd_zoo.shrink import Step, loader_of, shrink


def build(name: str, to: Path, work: Path, *, new_revision: bool = False) -> Student:
    """Make a student from its recipe and publish it; what an interrupted build has finished is not made again.

    Args:
        name: Name of a recipe, or path of a YAML file.
        to: Folder of the zoo.
        work: Folder for the run and what comes of it.
        new_revision: Whether a name that is taken gets this student as a further revision.

    Returns:
        The published student.

    Raises:
        UnknownNameError: If there is no such recipe.
        ConfigError: If a key or value of it is wrong.
        WorldError: If a command does not end well.
    """
    path = recipe_file(name)
    recipe = read_recipe(path)
    started = time.monotonic()
    run = _distill(recipe, work)
    small = work / "small"
    texts = training_texts(read_yaml(run / "config.yaml"))
    steps = shrink(run / "student", small, recipe.shrink, texts)
    scores = [_evaluate(step.folder, recipe) for step in steps]
    result = read_json(run / "result.json")
    baselines = {each: _small_baseline(run, small, each, recipe, texts) for each in result["baselines"]}
    write_json(small / "result.json", {**result, "student": scores[-1], "baselines": baselines})
    write_text(small / "config.yaml", (run / "config.yaml").read_text(encoding="utf-8"))
    write_json(small / ORIGIN_FILE, _origin(recipe, path, steps, scores, result["metric"]))
    student = publish(small, to, recipe.name, new_revision=new_revision)
    note(f"Built '{recipe.name}' in {time.monotonic() - started:.0f} s.")
    return student


def _distill(recipe: Recipe, work: Path) -> Path:
    run = work / "run"
    training = recipe.run.get("training") or {}
    if "output_dir" in training:
        raise ConfigError("A recipe must not say where it runs.", received="run.training.output_dir")
    settings = {**recipe.run, "training": {**training, "output_dir": str(run.absolute())}}
    write_text(work / "run.yaml", yaml.safe_dump(settings, sort_keys=False))
    run_command("distill", str(work / "run.yaml"), "--overwrite", threads=recipe.threads)
    return run


def read_yaml(path: Path) -> Mapping[str, Any]:
    """A YAML file of our own making."""
    data: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


def training_texts(config: Mapping[str, Any]) -> list[str]:
    """The texts that a run was trained on, and those of the training split that it left out.

    Args:
        config: The run's configuration.
    """
    task, data_dir = config["task"], config.get("data_dir")
    named = task if isinstance(task, str) else FilesTask.model_validate(task)
    loaded = load_task(named, data_dir=Path(data_dir) if data_dir else None, data=DataOptions(), seed=0)
    return [str(text) for column in loaded.spec.text for text in loaded.splits["train"][column][:]]


def _evaluate(folder: Path, recipe: Recipe) -> dict[str, Any]:
    scores: dict[str, Any] = run_command("evaluate", str(folder), "--device", "cpu", threads=recipe.threads)
    return scores


def _small_baseline(run: Path, small: Path, name: str, recipe: Recipe, texts: Sequence[str]) -> dict[str, Any]:
    """The scores of another student of the run, made smaller in the same way."""
    steps = shrink(run / "baselines" / name, small / "baselines" / name, recipe.shrink, texts)
    return _evaluate(steps[-1].folder, recipe)


def _origin(
    recipe: Recipe, path: Path, steps: Sequence[Step], scores: Sequence[Mapping[str, Any]], metric: str
) -> dict[str, Any]:
    rows = zip(steps, scores, strict=True)
    return {
        "summary": recipe.summary,
        "license": recipe.license,
        "teacher_license": recipe.teacher_license,
        "recipe_file": f"recipes/{path.name}",
        "recipe_sha256": sha256(path),
        "commit": commit_of(path.parent),
        "latency": latency(steps[-1].folder, loader_of(steps[-1].folder)),
        "costs": [{"step": step.name, "bytes": step.size, "score": each["test"][metric]} for step, each in rows],
    }


def commit_of(folder: Path) -> str | None:
    """The commit of the checkout that holds ``folder``, marked where it has changes; ``None`` outside of one."""
    words = ["git", "-C", str(folder), "describe", "--always", "--abbrev=40", "--dirty", "--exclude", "*"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return None
    return done.stdout.strip() or None
