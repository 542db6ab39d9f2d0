"""The source ``hub``: repositories of a model hub, each with the index and the files of a zoo, often of one student."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils.tqdm import disable_progress_bars

from sinkd_plugin.console import stderr
from sinkd_plugin.errors import ChecksumError, ConfigError, DownloadError
from sinkd_plugin.specs import ZooCard
from sinkd_plugin.storage import as_storage_error, sha256
from sinkd_zoo.contents import require_harmless
from sinkd_zoo.index import FILE, LARGEST_INDEX, Student, parse_index
from sinkd_zoo.places import places
from sinkd_zoo.settings import is_offline, require_online
from sinkd_zoo.zoos import students_of

_ACCESS = "Log in with `hf auth login`, or set HF_TOKEN, if it is private."


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository at a revision.

    Args:
        name: ``organisation/name``.
        revision: A branch, a tag or a commit; ``None`` is its main branch.
    """

    name: str
    revision: str | None = None

    @staticmethod
    def parse(place: str) -> Repository:
        """``hf://organisation/name[@revision]`` as a repository."""
        name, separator, revision = place.removeprefix("hf://").rstrip("/").partition("@")
        return Repository(name=name, revision=revision if separator else None)

    def __str__(self) -> str:
        return f"hf://{self.name}{f'@{self.revision}' if self.revision else ''}"


def cards() -> list[Student]:
    """The students of every repository.

    Raises:
        SinkdError: If none of the repositories can be read.
    """
    return students_of([Repository.parse(place) for place in places("hub")], read_repository)


def card_at(name: str, revision: str) -> Student | None:
    """The student of a name at a branch, a tag or a commit; its revision is then the commit.

    Raises:
        SinkdError: If none of the repositories can be read at that revision.
    """
    repositories = [replace(Repository.parse(place), revision=revision) for place in places("hub")]
    found = [student for student in students_of(repositories, read_repository) if student.name == name]
    return replace(found[0], revision=str(Repository.parse(found[0].place).revision)) if found else None


def read_repository(repository: Repository) -> list[Student]:
    """The students of a repository, at the commit that its revision is just now.

    Raises:
        DownloadError: If it cannot be read.
        BrokenIndexError: If its index breaks a rule.
    """
    path = _file(repository, FILE, largest=LARGEST_INDEX)
    fixed = replace(repository, revision=path.parent.name)  # the library keeps files below their commit
    return parse_index(path.read_bytes(), str(fixed))


def fetch(card: ZooCard, into: Path) -> None:
    """Fetch a student's files through the hub's library, and verify what it does not: their content.

    Args:
        card: A card that ``cards`` or ``card_at`` returned.
        into: A folder that exists and is empty.

    Raises:
        DownloadError: If a file cannot be fetched.
        ChecksumError: If a file is not the one that was published.
        UnsafeContentError: If loading the student could run code.
        StorageError: If it cannot be written.
    """
    if not isinstance(card, Student):
        raise TypeError(f"a card of this source is needed, not {card!r}")
    repository = Repository.parse(card.place)
    for name, digest in card.files.items():
        inner = name if card.folder == "." else f"{card.folder}/{name}"
        path = _verified(repository, inner, digest, card.sizes[name])
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    require_harmless(into, card.files, f"The student '{card.name}' from '{repository}'")


def _verified(repository: Repository, name: str, digest: str, size: int) -> Path:
    path = _file(repository, name, largest=size)
    if sha256(path) != digest:
        path = _file(repository, name, largest=size, again=True)  # the library's cache may be damaged
    found = sha256(path)
    if found != digest:
        raise ChecksumError(
            f"'{name}' must be the file on its card.",
            received=f"sha256 {found} from '{repository}', on the card is {digest}",
            cure="Tell whoever publishes it.",
        )
    return path


def _file(repository: Repository, name: str, *, largest: int, again: bool = False) -> Path:
    if not stderr.is_terminal:
        disable_progress_bars()
    with _translated(repository):
        if not is_offline():
            _check_size(repository, name, largest)
        path = hf_hub_download(
            repository.name,
            name,
            revision=repository.revision,
            force_download=again,
            local_files_only=is_offline(),
        )
    return Path(path)


def _check_size(repository: Repository, name: str, largest: int) -> None:
    """Ask how large a file is before the library takes all of it."""
    size = get_hf_file_metadata(hf_hub_url(repository.name, name, revision=repository.revision)).size
    if size is not None and size > largest:
        raise ChecksumError(
            f"'{name}' must not be larger than {largest} bytes.",
            received=f"{size} bytes in '{repository}'",
            cure="Tell whoever publishes it.",
        )


@contextmanager
def _translated(repository: Repository) -> Iterator[None]:
    """Turn the library's exceptions into the project's."""
    place = str(repository)
    try:
        yield
    except HFValidationError as error:
        raise ConfigError("A repository must be hf://ORGANISATION/NAME[@REVISION].", received=f"'{place}'") from error
    except (RepositoryNotFoundError, GatedRepoError, RevisionNotFoundError) as error:
        raise DownloadError(f"'{place}' must be there to be read.", received=_reason(error), cure=_ACCESS) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        require_online(place)
        raise DownloadError(
            f"'{place}' must be reachable.", received=_reason(error), cure="Check the network."
        ) from error
    except EntryNotFoundError as error:
        raise DownloadError(
            f"'{place}' must hold an {FILE}, and the files that it names.",
            received=_reason(error),
            cure="`sinkd zoo publish RUN --to hf://ORGANISATION/NAME` makes such a repository.",
        ) from error
    except OSError as error:  # the library's HTTP errors are of this kind, too
        if error.errno == errno.ENOSPC:
            raise as_storage_error(Path(str(error.filename or place)), error) from error
        raise DownloadError(
            f"'{place}' must be reachable.", received=_reason(error), cure="Check the network."
        ) from error


def _unreachable(place: str, error: Exception) -> DownloadError:
    return DownloadError(f"'{place}' must be reachable.", received=_reason(error), cure="Check the network.")


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
