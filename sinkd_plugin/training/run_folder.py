"""What lies where in a run folder, and what must not be there when a run begins: a run replaces only its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sinkd_plugin.errors import UserError
from sinkd_plugin.references import resolve_model
from sinkd_plugin.training.config import RunConfig, students
from sinkd_plugin.training.stage import RECORD

CONFIG_FILE = "config.yaml"
ENVIRONMENT_FILE = "environment.json"
RESULT_FILE = "result.json"
STUDENT_FOLDER = "student"
TEACHER_FOLDER = "teacher"
LOGITS_FOLDER = "teacher_logits"
BASELINES_FOLDER = "baselines"
CHECKPOINTS_FOLDER = "checkpoints"
SAMPLES_FOLDER = "teacher_samples"
WARM_STARTS_FOLDER = "warm_starts"


def student_folder(folder: Path, name: str) -> Path:
    """Where the student called ``name`` lies: the run's own, or a baseline."""
    return folder / STUDENT_FOLDER if name == STUDENT_FOLDER else folder / BASELINES_FOLDER / name


def check_run_folder(config: RunConfig) -> None:
    """Refuse to begin where the run would replace something that no run has made; ``--overwrite`` changes nothing here.

    Raises:
        UserError: If the run folder is a file, holds a stage's name with other content or a configuration that no run
            wrote, or a model to be read lies where a stage will be written.
    """
    folder = config.training.output_dir
    if folder.exists() and not folder.is_dir():
        raise _refused("must be a folder, or not exist yet", f"the file '{folder}'")
    if (folder / CONFIG_FILE).exists() and not (folder / ENVIRONMENT_FILE).exists():
        raise _refused(f"must not hold a {CONFIG_FILE} that no run wrote", f"'{folder / CONFIG_FILE}'")
    stages = list(_stages(config))
    for stage in stages:
        foreign = stage.is_symlink() or (stage.exists() and not (stage / RECORD).is_file())
        if foreign and not _is_empty(stage):
            raise _refused("must not hold anything where the run writes its stages", f"'{stage}', which no run made")
    for model in _models(config):
        if any(model.resolve().is_relative_to(stage.resolve()) for stage in stages):
            raise _refused("must not hold the models that the run starts from", f"'{model}'")


def _refused(rule: str, received: str) -> UserError:
    return UserError(f"The run folder {rule}.", received=received, cure="Choose another training.output_dir.")


def _stages(config: RunConfig) -> Iterator[Path]:
    folder = config.training.output_dir
    yield folder / TEACHER_FOLDER
    yield folder / LOGITS_FOLDER
    yield from (student_folder(folder, name) for name in students(config))
    for several in (SAMPLES_FOLDER, WARM_STARTS_FOLDER):
        yield from sorted((folder / several).glob("*"))


def _is_empty(stage: Path) -> bool:
    return stage.is_dir() and not stage.is_symlink() and not any(stage.iterdir())


def _models(config: RunConfig) -> Iterator[Path]:
    tokenizer = config.teacher.tokenizer.model if config.teacher.tokenizer else None
    references = {config.teacher.model, tokenizer, *(each.student.model for each in students(config).values())}
    for reference in references - {None}:
        path = Path(resolve_model(str(reference)))
        if path.is_dir():
            yield path
