"""``publish``: from a run folder to a card, checksums and a static zoo."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sinkd_plugin.errors import UserError
from sinkd_plugin.specs import ZooCard
from sinkd_plugin.storage import locked, new_folder, read_json, sha256
from sinkd_plugin.zoo_cache import file_problems, files_in, require_files
from sinkd_zoo.card import card_from_json, check_paths
from sinkd_zoo.index import FILE, read_index, write_index
from sinkd_zoo.run_folder import RunFolder, read_run

RECORD = "sinkd.json"
"""What the trainer notes beside a model: task, data folder, length limit."""


def publish(run_folder: Path, to: Path, name: str | None = None) -> ZooCard:
    """Add the student of a run to a static zoo; publishing the same student again changes nothing.

    The student's folder appears first and the index last, each atomically: no reader sees a card without its files.

    Args:
        run_folder: Output folder of a finished distillation.
        to: Folder of the zoo; made if it does not exist.
        name: Name of the student; by default ``architecture-size-task``.

    Returns:
        The card that the index now holds.

    Raises:
        UserError: If there is no run, a file may not be published, or the name belongs to another student.
        BrokenIndexError: If the zoo's index breaks a rule.
        StorageError: If the zoo cannot be written.
    """
    run = read_run(Path(run_folder).expanduser())
    zoo = Path(to).expanduser()
    card = _card(run, name or run.default_name())
    with locked(zoo / FILE):
        cards = {known.name: known for known in read_index(zoo)} if (zoo / FILE).exists() else {}
        _put_files(run.student, zoo / card.name, card, cards.get(card.name))
        if cards.get(card.name) != card:
            write_index(zoo, [*(cards | {card.name: card}).values()])
    return card


def _card(run: RunFolder, name: str) -> ZooCard:
    files = _hashes(run.student)
    result, student = run.result, run.result.student
    return card_from_json(
        {
            "name": name,
            "summary": f"Student of {student.parameters:,} parameters ({result.architecture}) for {result.task}.",
            "task": result.task,
            "architecture": result.architecture,
            "parameters": student.parameters,
            "license": run.license,
            "metrics": dict(student.test),
            "n": student.n,
            "files": files,
            "details": _details(run, {file: (run.student / file).stat().st_size for file in files}),
        },
        where="card",
    )


def _handed_out(student: Path) -> list[str]:
    """The student's files, without a ``sinkd.json`` that names files or folders of this machine."""
    record = read_json(student / RECORD) if (student / RECORD).is_file() else {}
    local = not isinstance(record.get("task", ""), str) or record.get("data_dir")
    return sorted(name for name in files_in(student) if not (local and name == RECORD))


def _hashes(student: Path) -> dict[str, str]:
    names = _handed_out(student)
    links = [name for name in names if (student / name).is_symlink()]
    try:
        check_paths(dict.fromkeys(names, ""))
    except ValueError as error:
        raise UserError(
            "A student must hold only files that are safe to hand out.",
            received=f"'{student}': {error}",
            cure="Remove the file from student/, or save the model again as safetensors.",
        ) from None
    if links:
        raise UserError(
            "A student must hold no links.", received=", ".join(links), cure="Put the files in their place."
        )
    return {name: sha256(student / name) for name in names}


def _details(run: RunFolder, sizes: dict[str, int]) -> dict[str, Any]:
    result = run.result
    return {
        "seed": result.seed,
        "split": "test",
        "interval": result.student.interval,
        "agreement_with_teacher": result.student.agreement_with_teacher,
        "teacher": result.teacher.model_dump(exclude_none=True) if result.teacher else {},
        "baselines": {name: scores.model_dump(exclude_none=True) for name, scores in result.baselines.items()},
        "versions": result.versions,
        "recipe": dict(run.recipe),
        "recipe_sha256": run.recipe_sha256,
        "sizes": sizes,
    }


def _put_files(student: Path, folder: Path, card: ZooCard, published: ZooCard | None) -> None:
    same = folder.exists() and not file_problems(folder, card.files)
    taken = published.files != card.files if published else folder.exists() and not same
    if taken:
        raise UserError(
            f"The name '{card.name}' must not belong to another student of this zoo.",
            received=str(folder),
            cure="Choose another with --name.",
        )
    if not same:
        with new_folder(folder, overwrite=True) as staging:
            for name in card.files:
                (staging / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(student / name, staging / name)
            require_files(staging, card.files, f"The copy of '{student}'")
