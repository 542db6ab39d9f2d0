"""A run from its configuration to its result: data, teacher, students, scores, one self-contained folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sinkd_plugin.errors import UserError
from sinkd_plugin.storage import write_json, write_text
from sinkd_plugin.training.config import RunConfig, baseline, plain
from sinkd_plugin.training.environment import environment
from sinkd_plugin.training.journal import Journal
from sinkd_plugin.training.prepare import Prepared, prepare
from sinkd_plugin.training.stage import Stage
from sinkd_plugin.training.student import student_stage
from sinkd_plugin.training.teacher import teacher_stage

CONFIG_FILE = "config.yaml"
RESULT_FILE = "result.json"
STUDENT_FOLDER = "student"
TEACHER_FOLDER = "teacher"
BASELINES_FOLDER = "baselines"


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
    folder = config.training.output_dir
    _refuse_another_run(folder, config, overwrite)
    prepared = prepare(config)
    write_text(folder / CONFIG_FILE, _as_yaml(config))
    write_json(folder / "environment.json", environment())
    teacher = teacher_stage(config, prepared, folder / TEACHER_FOLDER)
    with Journal(folder) as journal:
        student = student_stage(config, prepared, teacher, journal, STUDENT_FOLDER, folder / STUDENT_FOLDER)
        baselines = {
            name: student_stage(
                baseline(config, name), prepared, teacher, journal, name, folder / BASELINES_FOLDER / name
            )
            for name in config.baselines
        }
    result = _result(config, prepared, teacher, student, baselines)
    write_json(folder / RESULT_FILE, result)
    return result


def _as_yaml(config: RunConfig) -> str:
    return yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True)


def _refuse_another_run(folder: Path, config: RunConfig, overwrite: bool) -> None:
    earlier = folder / CONFIG_FILE
    if overwrite or not earlier.is_file() or earlier.read_text(encoding="utf-8") == _as_yaml(config):
        return
    raise UserError(
        "A run folder holds one run.",
        received=f"'{folder}' with the run of another configuration (see {earlier})",
        cure="Choose another training.output_dir, or pass --overwrite.",
    )


def _result(
    config: RunConfig, prepared: Prepared, teacher: Stage, student: Stage, baselines: dict[str, Stage]
) -> dict[str, Any]:
    return {
        "task": prepared.task.spec.name,
        "metric": prepared.task.spec.metric,
        "seed": config.training.seed,
        "architecture": prepared.architecture_name,
        "precision": prepared.precision,
        "train_examples": len(prepared.task.splits["train"]),
        "student": student.report(),
        "teacher": teacher.report(),
        "baselines": {name: stage.report() for name, stage in baselines.items()},
        "versions": environment()["versions"],
    }
