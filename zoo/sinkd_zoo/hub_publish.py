"""``publish`` to a model hub: one repository, one student, loadable by its name there and through the zoo."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from huggingface_hub import HfApi

from sinkd_plugin.console import note
from sinkd_plugin.errors import DownloadError, SinkdError
from sinkd_plugin.zoo_cache import card_as_data
from sinkd_zoo.draft import handed_out, write_draft
from sinkd_zoo.hub_source import Repository, read_repository
from sinkd_zoo.index import Student, write_index
from sinkd_zoo.run_folder import read_run
from sinkd_zoo.settings import require_online

_BESIDE = ("*.safetensors", "*.json", "*.txt", "*.md", "*.model")
"""What an earlier student of the repository may have left, and the new one does not have."""


def publish_to_hub(run_folder: Path, place: str, name: str | None, license_: str | None) -> Student:
    """Make a repository hold the student of a run, its card and its checksums, in one commit.

    Publishing the same student again changes nothing; another one becomes the next revision, and the earlier ones
    stay in the repository's history.

    Args:
        run_folder: Output folder of a finished distillation.
        place: ``hf://organisation/name``.
        name: Name of the student; by default the repository's.
        license_: SPDX identifier of the weights, where the run does not tell it.

    Raises:
        DownloadError: If the hub cannot be reached, or refuses.
    """
    require_online(place)
    run, repository = read_run(run_folder), Repository.parse(place)
    files = handed_out(run.student)
    with tempfile.TemporaryDirectory(prefix="sinkd-") as temporary:
        folder = Path(temporary)
        card = write_draft(run, files, folder, name or repository.name.rpartition("/")[2].lower(), license_)
        earlier = _earlier(repository)
        if earlier is not None and earlier.files == card.files:
            return earlier
        revision = str(int(earlier.revision) + 1) if earlier is not None and earlier.revision.isdecimal() else "1"
        student = Student(**card_as_data(replace(card, revision=revision)), place=str(repository))
        write_index(folder, [student])
        _upload(repository, folder, f"{student.name}, revision {revision}")
    return student


def _earlier(repository: Repository) -> Student | None:
    try:
        students = read_repository(repository)
    except SinkdError:
        return None  # there is no such repository yet, or no student in it
    return students[-1] if students else None


def _upload(repository: Repository, folder: Path, message: str) -> None:
    api = HfApi()
    try:
        api.create_repo(repository.name, exist_ok=True)
        done = api.upload_folder(
            repo_id=repository.name,
            folder_path=folder,
            revision=repository.revision,
            commit_message=message,
            delete_patterns=list(_BESIDE),
        )
    except (OSError, ValueError) as error:  # the library's HTTP errors are of the first kind
        raise DownloadError(
            f"'{repository}' must accept the student.",
            received=str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__,
            cure="Log in with `hf auth login`, or set HF_TOKEN to a token that may write.",
        ) from error
    note(f"Published as commit {done.oid}.")
