"""The students that there are: offered by a source, in the cache, or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sinkd_plugin.errors import SinkdError
from sinkd_plugin.specs import ZooCard
from sinkd_plugin.zoo_cache import CachedStudent, cached_students, entry_of
from sinkd_plugin.zoo_offers import Offer, find_offer, offers, parted
from sinkd_zoo.places import is_restricted, sources_to_ask


@dataclass(frozen=True, kw_only=True)
class Row:
    """A student, where it comes from, and where it is.

    Args:
        card: Its card.
        source: Name of the source that offers it, or once did.
        folder: Where it is cached, or ``None``.
        revisions: Every revision of its name that its source has, oldest first.
        is_offered: Whether a source offers it now.
    """

    card: ZooCard
    source: str
    folder: Path | None
    revisions: tuple[str, ...]
    is_offered: bool = True


def rows(*, every_revision: bool) -> tuple[list[Row], list[SinkdError]]:
    """All students, and the errors of the sources that could not be read.

    Args:
        every_revision: Whether all revisions of a name are told, or only the newest.
    """
    found, failures = offers(sources_to_ask())
    told = [_offered(offer, found) for offer in found]
    known = {(row.source, row.card.name, row.card.revision) for row in told}
    cached = [] if is_restricted() else cached_students()
    kept = [_kept(student) for student in cached if student.problem is None]
    told += [row for row in kept if (row.source, row.card.name, row.card.revision) not in known]
    return ([row for row in told if every_revision or row.card.revision == row.revisions[-1]], failures)


def find_row(name: str, revision: str | None) -> Row:
    """One student.

    Args:
        name: ``NAME`` or ``NAME@REVISION``.
        revision: Which one; ``None`` is the newest.

    Raises:
        UnknownNameError: If neither a source nor the cache has it.
    """
    plain, own = parted(name)
    wanted = revision or own
    try:
        offer = find_offer(plain, wanted, sources_to_ask())
    except SinkdError:
        kept = [_kept(each) for each in cached_students() if each.card.name == plain and each.problem is None]
        matching = [row for row in kept if wanted in (None, row.card.revision)]
        if not matching:
            raise
        return matching[-1]
    return _offered(offer, [offer])


def _offered(offer: Offer, found: Sequence[Offer]) -> Row:
    entry = entry_of(offer)
    same = [each.card for each in found if (each.source.name, each.card.name) == (offer.source.name, offer.card.name)]
    return Row(
        card=offer.card,
        source=offer.source.name,
        folder=entry / offer.card.name if entry.is_dir() else None,
        revisions=tuple(card.revision for card in same),
    )


def _kept(student: CachedStudent) -> Row:
    card = student.card
    return Row(card=card, source=student.source, folder=student.folder, revisions=(card.revision,), is_offered=False)
