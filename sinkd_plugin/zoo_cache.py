"""Students of the zoo as verified folders in the user's cache; ``zoo:NAME`` and every download go through here.

Layout: ``<cache>/zoo/<source>/<name>/`` holds the files, and ``<name>.sha256`` beside it their checksums in the format
of ``sha256sum``, so that a cached student can be verified without its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sinkd_plugin.catalog import catalog
from sinkd_plugin.errors import ChecksumError, PluginError, SinkdError, StorageError, unknown_name
from sinkd_plugin.specs import ZooCard, ZooSourceSpec
from sinkd_plugin.storage import cache_folder, locked, new_folder, sha256, write_text


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A student and the source that offers it."""

    source: ZooSourceSpec
    card: ZooCard

    @property
    def folder(self) -> Path:
        """Where its files are cached, or would be."""
        return zoo_folder() / self.source.name / self.card.name


@dataclass(frozen=True, kw_only=True)
class CachedStudent:
    """A student in the cache, with the checksums that it was downloaded under."""

    source: str
    folder: Path
    files: Mapping[str, str]


def zoo_folder() -> Path:
    """The part of the cache that holds students."""
    return cache_folder() / "zoo"


def offers() -> tuple[list[Offer], list[SinkdError]]:
    """What all sources offer, and the errors of those that could not be read: one bad source never hides the others."""
    found: list[Offer] = []
    failures: list[SinkdError] = []
    for entry in catalog().zoo_sources:
        try:
            found += _offers_of(entry.spec)
        except SinkdError as error:
            failures.append(error)
        except Exception as error:  # a plugin's source may raise anything
            failures.append(PluginError(f"The zoo source '{entry.spec.name}' failed.", received=repr(error)))
    return found, failures


def _offers_of(source: ZooSourceSpec) -> list[Offer]:
    cards = source.cards()
    for card in cards:
        if {*card.name} & {*"/\\:\0"} or card.name in {"", ".", ".."}:
            raise PluginError(
                f"Names in the zoo source '{source.name}' must be plain folder names.", received=repr(card.name)
            )
    return [Offer(source=source, card=card) for card in cards]


def find_offer(name: str) -> Offer:
    """The first offer called ``name``, in the order of the sources' names.

    Raises:
        UnknownNameError: If no source has it.
        SinkdError: If none of the readable sources has it and another could not be read: that source's error.
    """
    found, failures = offers()
    for offer in found:
        if offer.card.name == name:
            return offer
    if failures:
        raise failures[0]
    raise unknown_name("student in the zoo", name, {offer.card.name for offer in found})


def cached_student(name: str) -> Path:
    """The folder of a student whose every file has just been verified; fetched if it is not cached, or is damaged.

    Args:
        name: Name on the student's card.

    Raises:
        UnknownNameError: If no source has it.
        ChecksumError: If what its source delivers is not what the card says.
        StorageError: If the cache cannot be written.
    """
    offer = find_offer(name)
    if not _is_cached(offer):
        with locked(offer.folder):
            if not _is_cached(offer):  # another process may have fetched it while this one waited
                _fetch(offer)
    return offer.folder


def _is_cached(offer: Offer) -> bool:
    recorded = _recorded(_checksums_file(offer.folder)) if _checksums_file(offer.folder).is_file() else None
    return recorded == dict(offer.card.files) and not file_problems(offer.folder, offer.card.files)


def _fetch(offer: Offer) -> None:
    with new_folder(offer.folder, overwrite=True) as staging:
        offer.source.fetch(offer.card, staging)
        require_files(staging, offer.card.files, f"The student '{offer.card.name}' from '{offer.source.name}'")
    lines = [f"{digest}  {offer.card.name}/{name}\n" for name, digest in sorted(offer.card.files.items())]
    write_text(_checksums_file(offer.folder), "".join(lines))


def cached_students() -> list[CachedStudent]:
    """Every student in the cache, by source and name."""
    files = sorted(zoo_folder().glob("*/*.sha256"))
    return [
        CachedStudent(source=path.parent.name, folder=path.with_name(path.stem), files=_recorded(path))
        for path in files
    ]


def _checksums_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.sha256")


def _recorded(path: Path) -> dict[str, str]:
    try:
        lines = [line.partition("  ") for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(
            f"'{path}' must be readable.", received=str(error), cure="Remove it and download the student again."
        ) from error
    return {name.removeprefix(f"{path.stem}/"): digest for digest, _, name in lines}


def require_files(folder: Path, files: Mapping[str, str], what: str) -> None:
    """Make sure that ``folder`` holds exactly ``files``.

    Args:
        folder: The folder to look at.
        files: sha256 by relative POSIX path.
        what: What the folder is, for the message.

    Raises:
        ChecksumError: If a file is missing, changed, a link, or not on the card.
    """
    problems = file_problems(folder, files)
    if problems:
        raise ChecksumError(
            f"{what} must be exactly the files on its card.",
            received="; ".join(problems),
            cure="Download it again; if that does not help, tell whoever publishes it.",
        )


def file_problems(folder: Path, files: Mapping[str, str]) -> list[str]:
    """What keeps ``folder`` from being exactly ``files`` (sha256 by relative POSIX path); empty if nothing does."""
    present = files_in(folder)
    missing = [f"{name} is missing" for name in sorted(files.keys() - present)]
    extra = [f"{name} is not on the card" for name in sorted(present - files.keys())]
    changed = [
        problem
        for name in sorted(present & files.keys())
        if (problem := _file_problem(folder / name, name, files[name]))
    ]
    return missing + extra + changed


def files_in(folder: Path) -> set[str]:
    """Relative POSIX paths of everything below ``folder`` that is no real folder; links count as files."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}


def _file_problem(path: Path, name: str, expected: str) -> str | None:
    if path.is_symlink() or not path.is_file():
        return f"{name} is no regular file"
    try:
        found = sha256(path)
    except OSError as error:
        return f"{name} cannot be read ({error.strerror})"
    return None if found == expected else f"{name} has sha256 {found}, on the card is {expected}"
