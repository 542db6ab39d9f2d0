"""A finished run of the trainer, as far as publishing needs it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ConfigDict, Field, JsonValue

from sinkd_plugin.errors import StorageError, UserError
from sinkd_plugin.options import Options, validate
from sinkd_plugin.storage import read_json, sha256

ORIGIN_FILE = "origin.json"
"""What ``sinkd zoo build`` knows of a student beyond its run."""

_PARTS = ("student/config.json", "student/model.safetensors", "result.json", "config.yaml")


class Scores(Options):
    """What ``result.json`` says of a model, without its local folder."""

    model_config = ConfigDict(extra="ignore")

    test: dict[str, float] = Field(min_length=1)
    interval: dict[str, JsonValue] = Field(default_factory=dict)
    n: int | None = Field(default=None, gt=0)
    parameters: int | None = Field(default=None, gt=0)
    agreement_with_teacher: float | None = None


class StudentScores(Scores):
    """The student's part, where a card needs every figure."""

    n: int = Field(gt=0)
    parameters: int = Field(gt=0)


class RunResult(Options):
    """What ``result.json`` must hold; it may hold more."""

    model_config = ConfigDict(extra="ignore")

    task: str = Field(min_length=1)
    architecture: str = Field(min_length=1)
    seed: int
    metric: str | None = None
    train_examples: int | None = None
    student: StudentScores
    teacher: Scores | None = None
    baselines: dict[str, Scores] = Field(default_factory=dict)
    versions: dict[str, JsonValue] = Field(default_factory=dict)


class Origin(Options):
    """What is known of a student beyond its run.

    Args:
        summary: One line about it.
        license: SPDX identifier of its weights.
        teacher_license: SPDX identifier of the weights it was distilled from.
        recipe_file: Name of the recipe, and ``recipe_sha256`` its sha256.
        recipe_sha256: See ``recipe_file``.
        commit: Commit of the project that built it.
        latency: What ``sinkd bench`` measured.
        costs: Scores and bytes before and after the weights were made smaller.
    """

    summary: str | None = None
    license: str | None = None
    teacher_license: str | None = None
    recipe_file: str | None = None
    recipe_sha256: str | None = None
    commit: str | None = None
    latency: dict[str, JsonValue] | None = None
    costs: list[JsonValue] | None = None


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """A run, read and validated.

    Args:
        student: The Transformers folder.
        result: What ``result.json`` says.
        config: What ``config.yaml`` says.
        config_sha256: sha256 of ``config.yaml``.
        license: SPDX identifier in the front matter of the student's README.md, or ``unknown``.
        origin: What is known beyond the run.
    """

    student: Path
    result: RunResult
    config: Mapping[str, Any]
    config_sha256: str
    license: str
    origin: Origin

    def default_name(self) -> str:
        """``architecture-size-task``, such as ``encoder-17m-reviews``."""
        return f"{_slug(self.result.architecture)}-{_size(self.result.student.parameters)}-{_slug(self.result.task)}"


def read_run(folder: Path) -> RunFolder:
    """Read a run folder.

    Raises:
        UserError: If it is none, or ``result.json`` lacks a key.
        StorageError: If a file of it cannot be read.
    """
    missing = [part for part in _PARTS if not (folder / part).is_file()]
    if missing:
        raise UserError(
            "A run folder must hold student/, result.json and config.yaml.",
            received=f"'{folder}' without {', '.join(missing)}",
            cure="Name the output folder of a finished `sinkd distill`.",
        )
    origin = folder / ORIGIN_FILE
    return RunFolder(
        student=folder / "student",
        result=validate(RunResult, read_json(folder / "result.json"), where="result.json"),
        config=_yaml(folder / "config.yaml", _text(folder / "config.yaml")),
        config_sha256=sha256(folder / "config.yaml"),
        license=_license(folder / "student" / "README.md"),
        origin=validate(Origin, read_json(origin) if origin.is_file() else {}, where=ORIGIN_FILE),
    )


def _license(readme: Path) -> str:
    text = _text(readme) if readme.is_file() else ""
    front_matter = re.match(r"---\r?\n(.*?)\r?\n---", text, re.DOTALL)
    return str(_yaml(readme, front_matter[1]).get("license", "unknown")) if front_matter else "unknown"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"'{path}' must be readable text.", received=str(error)) from error


def _yaml(path: Path, text: str) -> Mapping[str, Any]:
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise StorageError(f"'{path}' must be readable YAML.", received=str(error)) from error
    return data if isinstance(data, Mapping) else {}


def _size(parameters: int) -> str:
    for unit, letter in ((10**9, "b"), (10**6, "m"), (10**3, "k")):
        if parameters >= unit:
            return f"{round(parameters / unit)}{letter}"
    return str(parameters)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
