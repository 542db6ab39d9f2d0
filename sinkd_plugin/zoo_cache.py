"""Students of the zoo as verified folders in the user's cache; ``zoo:NAME`` and every download go through here.

Layout: ``<cache>/zoo/<source>/<name>@<revision>/`` appears whole or not at all, and holds ``<name>/`` (the student),
``card.json`` and ``SHA256SUMS``, so that a student is found and verified without its source, and even without us.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sinkd_plugin.console import note
from sinkd_plugin.errors import SinkdError
from sinkd_plugin.specs import ZooCard
from sinkd_plugin.storage import cache_folder, locked, new_folder, storage_errors, write_text
from sinkd_plugin.zoo_files import file_problems, require_files
from sinkd_plugin.zoo_offers import Offer, find_offer

CARD = "card.json"
CHECKSUMS = "SHA256SUMS"


@dataclass(frozen=True, kw_only=True)
class CachedStudent:
    """A student in the cache.

    Args:
        source: Name of the source that it came from.
        entry: Its part of the cache.
        card: The card that it was fetched under; without files if ``problem`` is set.
        problem: Why ``card.json`` cannot be read, or ``None``.
    """

    source: str
    entry: Path
    card: ZooCard
    problem: str | None = None

    @property
    def folder(self) -> Path:
        """The Transformers folder."""
        return self.entry / self.card.name

    def problems(self) -> list[str]:
        """What is wrong with it, every file hashed anew; empty if nothing is."""
        return [self.problem] if self.problem else file_problems(self.folder, self.card.files)


def zoo_folder() -> Path:
    """The part of the cache that holds students."""
    return cache_folder() / "zoo"


def entry_of(offer: Offer) -> Path:
    """Where an offered student is cached, or would be."""
    return zoo_folder() / offer.source.name / f"{offer.card.name}@{offer.card.revision}"


def cached_students() -> list[CachedStudent]:
    """Every student in the cache, by source, name and revision."""
    entries = sorted(path.parent for path in zoo_folder().glob(f"[!.]*/[!.]*@*/{CARD}"))
    return [_read(entry) for entry in entries]


def cached_student(name: str, revision: str | None = None, sources: Collection[str] | None = None) -> CachedStudent:
    """A student whose every file has just been verified; fetched if it is not cached, or is damaged.

    A revision that is cached is taken without asking any source. Where no source answers for the student, the one
    that was fetched last is taken from the cache, and a note says so.

    Args:
        name: Name on the student's card.
        revision: Which one; ``None`` is the newest.
        sources: Names of the sources to ask; ``None`` is all of them, and the cache.

    Raises:
        UnknownNameError: If no source has it, and the cache neither.
        ChecksumError: If what its source delivers is not what the card says.
        StorageError: If the cache cannot be written.
    """
    if sources is not None:
        return _offered(_chosen_offer(name, revision, sources))
    if revision is not None and (kept := _kept(name, revision)):
        return kept
    try:
        offer = find_offer(name, revision)
    except SinkdError as error:
        return _without_source(name, revision, error)
    return _offered(offer)


def _chosen_offer(name: str, revision: str | None, sources: Collection[str]) -> Offer:
    """The offer of sources that were chosen; where they have none, a note tells of a cached student of that name."""
    try:
        return find_offer(name, revision, sources)
    except SinkdError:
        if student := _kept(name, revision):
            note(
                f"The cache holds '{name}', revision {student.card.revision}, once fetched from '{student.source}'; it "
                "is used where no place is chosen, as by --source."
            )
        raise


def _offered(offer: Offer) -> CachedStudent:
    entry = entry_of(offer)
    with storage_errors(entry):
        if (student := _as_offered(offer)) is not None:
            return student
        with locked(entry):
            return _as_offered(offer) or _fetch(offer)  # another process may have fetched it while this one waited


def _as_offered(offer: Offer) -> CachedStudent | None:
    """The cached student, if it has the files that its source now offers."""
    entry = entry_of(offer)
    if not (entry / CARD).is_file():
        return None
    student = _read(entry)
    same = dict(student.card.files) == dict(offer.card.files)
    return student if same and not student.problems() else None


def _fetch(offer: Offer) -> CachedStudent:
    entry, card = entry_of(offer), offer.card
    with new_folder(entry, overwrite=True) as staging:
        folder = staging / card.name
        folder.mkdir()
        offer.source.fetch(card, folder)
        require_files(folder, card.files, f"The student '{card.name}' from '{offer.source.name}'")
        write_text(staging / CARD, json.dumps(card_as_data(card), indent=2, default=str) + "\n")
        lines = [f"{digest}  {card.name}/{name}\n" for name, digest in sorted(card.files.items())]
        write_text(staging / CHECKSUMS, "".join(lines))
    return _read(entry)


def _kept(name: str, revision: str | None) -> CachedStudent | None:
    """The sound cached student that was fetched last."""
    matching = [each for each in cached_students() if each.card.name == name and revision in (None, each.card.revision)]
    newest_first = sorted(matching, key=lambda each: (each.entry / CARD).stat().st_mtime_ns, reverse=True)
    return next((student for student in newest_first if not student.problems()), None)


def _without_source(name: str, revision: str | None, error: SinkdError) -> CachedStudent:
    student = _kept(name, revision)
    if student is None:
        raise error
    note(
        f"Using '{name}' from the cache, revision {student.card.revision}, once fetched from '{student.source}': "
        f"no zoo source answers for it now. {error}"
    )
    return student


def card_as_data(card: ZooCard) -> dict[str, Any]:
    """The fields of a card as plain data, without what a source may have added of its own."""
    values = {field.name: getattr(card, field.name) for field in fields(ZooCard)}
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}


def _read(entry: Path) -> CachedStudent:
    name, _, revision = entry.name.partition("@")
    try:
        card = ZooCard(**json.loads((entry / CARD).read_text(encoding="utf-8")))
        _check(card, name, revision)
    except (OSError, ValueError, TypeError) as error:
        problem = f"{CARD} cannot be read ({error})"
        return CachedStudent(source=entry.parent.name, entry=entry, card=_blank(name, revision), problem=problem)
    return CachedStudent(source=entry.parent.name, entry=entry, card=card)


def _check(card: ZooCard, name: str, revision: str) -> None:
    if (card.name, card.revision) != (name, revision) or not isinstance(card.files, dict):
        raise ValueError("it is the card of another student")


def _blank(name: str, revision: str) -> ZooCard:
    unknown = {"summary": "", "task": "", "architecture": "", "license": "unknown", "parameters": 0, "n": 0}
    return ZooCard(name=name, revision=revision, metrics={}, files={}, **unknown)  # type: ignore[arg-type]
