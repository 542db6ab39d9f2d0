"""A run from its configuration to its result: data, teacher, students, scores, one self-contained folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sinkd_plugin.errors import UserError
from sinkd_plugin.storage import storage_errors, write_json, write_text
from sinkd_plugin.training.config import RunConfig, plain, students
from sinkd_plugin.training.device import resolve_device
from sinkd_plugin.training.environment import environment
from sinkd_plugin.training.journal import Journal
from sinkd_plugin.training.learn import WARM_START
from sinkd_plugin.training.prepare import Prepared, prepare
from sinkd_plugin.training.processes import first_before_others, joined_processes, on_first
from sinkd_plugin.training.run_folder import (
    CONFIG_FILE,
    ENVIRONMENT_FILE,
    RESULT_FILE,
    STUDENT_FOLDER,
    TEACHER_FOLDER,
    check_run_folder,
    student_folder,
)
from sinkd_plugin.training.run_lock import run_lock
from sinkd_plugin.training.stage import RECORD, Stage
from sinkd_plugin.training.stopping import stoppable
from sinkd_plugin.training.student import student_stage
from sinkd_plugin.training.teacher import teacher_stage


def run(config: RunConfig, *, overwrite: bool = False) -> dict[str, Any]:
    """Do everything the configuration says; stages that an earlier run of it has finished are reused.

    Args:
        config: The configuration.
        overwrite: Allow a run folder that holds a run of another configuration; stages that differ are replaced.

    Returns:
        What ``result.json`` holds: ``task``, ``seed``, ``student``, ``teacher``, ``baselines`` and more.

    Raises:
        SinkdError: Whatever stands in the way, in the project's words; finished stages stay.
    """
    with stoppable(), joined_processes(resolve_device(config.training.device).type):
        changed = on_first(lambda: _may_begin(config, overwrite))
        prepared = first_before_others(lambda: prepare(config))
        with run_lock(config.training.output_dir):
            on_first(lambda: _begin(config, changed))
            return _make(config, prepared, config.training.output_dir)


def _may_begin(config: RunConfig, overwrite: bool) -> bool:
    """Whether the run folder holds another run, which is to be replaced."""
    folder = config.training.output_dir
    check_run_folder(config)
    changed = _differs(folder, config)
    if changed and not overwrite and (folder / TEACHER_FOLDER / RECORD).is_file():
        raise _another_run(folder)
    return changed


def _begin(config: RunConfig, changed: bool) -> None:
    folder = config.training.output_dir
    if not changed and _differs(folder, config):
        raise _another_run(folder)  # one that held the folder until now
    if changed:
        with storage_errors(folder):
            (folder / RESULT_FILE).unlink(missing_ok=True)
    write_json(folder / ENVIRONMENT_FILE, environment())
    write_text(folder / CONFIG_FILE, _as_yaml(config))


def _make(config: RunConfig, prepared: Prepared, folder: Path) -> dict[str, Any]:
    teacher = teacher_stage(config, prepared, folder / TEACHER_FOLDER)
    journal = Journal(folder, {f"{name}{part}" for name in students(config) for part in ("", WARM_START)})
    stages = {
        name: student_stage(student, prepared, teacher, journal, name, student_folder(folder, name))
        for name, student in students(config).items()
    }
    result = _result(config, prepared, teacher, stages)
    on_first(lambda: write_json(folder / RESULT_FILE, result))
    return result


def _as_yaml(config: RunConfig) -> str:
    return yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True)


def _differs(folder: Path, config: RunConfig) -> bool:
    """Whether the folder holds a run of another configuration; where the folder lies does not matter."""
    earlier = folder / CONFIG_FILE
    if not earlier.is_file():
        return False
    try:
        found = yaml.safe_load(earlier.read_text(encoding="utf-8"))
        return _without_folder(found) != _without_folder(plain(config))
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
        return True  # no configuration that this version wrote


def _without_folder(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "training": {**data["training"], "output_dir": None}}


def _another_run(folder: Path) -> UserError:
    return UserError(
        "A run folder holds one run.",
        received=f"'{folder}' with the run of another configuration (see {folder / CONFIG_FILE})",
        cure="Choose another training.output_dir, or pass --overwrite.",
    )


def _result(config: RunConfig, prepared: Prepared, teacher: Stage, stages: dict[str, Stage]) -> dict[str, Any]:
    reports = {name: stage.report() for name, stage in stages.items()}
    return {
        "task": prepared.task.spec.name,
        "metric": prepared.task.spec.metric,
        "seed": config.training.seed,
        "architecture": prepared.family.name,
        "precision": prepared.precision,
        "scored_split": config.data.scored_split,
        "train_examples": len(prepared.task.splits["train"]),
        "student": reports.pop(STUDENT_FOLDER),
        "teacher": teacher.report(),
        "baselines": reports,
        "versions": environment()["versions"],
    }
