"""``publish``: from a run folder to a card, checksums and a static zoo."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sinkd_plugin.errors import UserError
from sinkd_plugin.specs import ZooCard
from sinkd_plugin.staging import staging_name
from sinkd_plugin.storage import locked, new_folder, storage_errors
from sinkd_plugin.zoo_cache import card_as_data
from sinkd_plugin.zoo_files import file_problems, require_files
from sinkd_zoo.draft import handed_out, write_draft
from sinkd_zoo.index import FILE, Student, mirrors_of, read_index, write_index
from sinkd_zoo.run_folder import read_run


def publish(
    run_folder: Path | str,
    to: Path | str,
    name: str | None = None,
    *,
    new_revision: bool = False,
    license_: str | None = None,
) -> Student:
    """Add the student of a run to a static zoo; publishing the same student again changes nothing.

    The student's folder appears first and the index last, each atomically: no reader sees a card without its files.

    Args:
        run_folder: Output folder of a finished distillation.
        to: Folder of the zoo; made if it does not exist.
        name: Name of the student; by default ``architecture-size-task``.
        new_revision: Whether a name that already is a student's gets this one as a further revision.
        license_: SPDX identifier of the weights, where the run does not tell it.

    Returns:
        The card that the index now holds.

    Raises:
        UserError: If there is no run, a file may not be published, or the name belongs to another student.
        BrokenIndexError: If the zoo's index breaks a rule.
        StorageError: If the zoo cannot be written.
    """
    run = read_run(Path(run_folder).expanduser())
    zoo = Path(to).expanduser()
    files = handed_out(run.student)
    with locked(zoo / FILE), storage_errors(zoo), staging_name(zoo / "draft") as draft:
        draft.mkdir()
        card = write_draft(run, files, draft, name or run.default_name(), license_)
        students = read_index(zoo) if (zoo / FILE).exists() else []
        student = _placed(card, students, zoo, new_revision)
        is_listed = any((each.name, each.revision) == (student.name, student.revision) for each in students)
        _put_files(draft, zoo / student.folder, student, is_listed)
        if not is_listed:
            write_index(zoo, [*students, student], mirrors_of(students))
    return student


def _placed(card: ZooCard, students: Sequence[Student], zoo: Path, new_revision: bool) -> Student:
    """The student with the revision that it has, or gets, in the zoo."""
    namesakes = [student for student in students if student.name == card.name]
    for each in namesakes:
        if each.files == card.files:
            return each
    if namesakes and not new_revision:
        raise _taken(card.name, f"revision {namesakes[-1].revision} in '{zoo}'")
    numbers = [int(each.revision) for each in namesakes if each.revision.isdecimal()]
    revision = str(max(numbers, default=0) + 1)
    placed = card_as_data(replace(card, revision=revision))
    return Student(**placed, place=str(zoo), folder=f"{card.name}/{revision}", mirrors=mirrors_of(students))


def _taken(name: str, where: str) -> UserError:
    return UserError(
        f"The name '{name}' must not belong to another student of this zoo.",
        received=where,
        cure="Choose another with --name, or pass --new-revision.",
    )


def _put_files(draft: Path, folder: Path, student: Student, is_listed: bool) -> None:
    """Put the student in its folder, unless it is there; one that is listed, and damaged, is mended."""
    if folder.exists() and not file_problems(folder, student.files):
        return
    if folder.exists() and not is_listed:
        raise _taken(student.name, f"'{folder}', which its index does not know")
    with new_folder(folder, overwrite=True) as staging:
        shutil.copytree(draft, staging, copy_function=shutil.copyfile, dirs_exist_ok=True)
        require_files(staging, student.files, f"The copy of '{draft}'")
