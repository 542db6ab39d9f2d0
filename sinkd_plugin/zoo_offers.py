"""What the zoo sources offer, and which of them has a student."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sinkd_plugin.catalog import catalog
from sinkd_plugin.errors import PluginError, SinkdError, unknown_name
from sinkd_plugin.extras import missing_extra
from sinkd_plugin.specs import ZooCard, ZooSourceSpec


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A student and the source that offers it."""

    source: ZooSourceSpec
    card: ZooCard


def parted(reference: str) -> tuple[str, str | None]:
    """``NAME`` or ``NAME@REVISION`` as name and revision."""
    name, separator, revision = reference.partition("@")
    return name, revision if separator else None


def offers(sources: Collection[str] | None = None) -> tuple[list[Offer], list[SinkdError]]:
    """What all sources offer, and the errors of those that could not be read: one bad source never hides the others.

    Args:
        sources: Names of the sources to ask; ``None`` is all of them.
    """
    found: list[Offer] = []
    failures: list[SinkdError] = []
    for offered in _asked(sources):
        if isinstance(offered, SinkdError):
            failures.append(offered)
        else:
            found += offered
    return found, failures


def find_offer(name: str, revision: str | None = None, sources: Collection[str] | None = None) -> Offer:
    """The offer called ``name``, of the first source that has one, in the order of the sources' names.

    No further source is asked than needed.

    Args:
        name: Name on the student's card.
        revision: Which one; ``None`` is the newest, the last that its source lists.
        sources: Names of the sources to ask; ``None`` is all of them.

    Raises:
        UnknownNameError: If no source has it.
        SinkdError: If none of the readable sources has it and another could not be read: that source's error.
    """
    seen: list[Offer] = []
    failures: list[SinkdError] = []
    for offered in _asked(sources):
        if isinstance(offered, SinkdError):
            failures.append(offered)
            continue
        seen += offered
        matching = [offer for offer in offered if offer.card.name == name and revision in (None, offer.card.revision)]
        if matching:
            return matching[-1]
    for found in _unlisted(name, revision, sources) if revision is not None else ():
        if isinstance(found, Offer):
            return found
        failures.append(found)
    if failures:
        raise failures[0]
    raise _unknown(name, revision, seen)


def _asked(sources: Collection[str] | None) -> Iterator[list[Offer] | SinkdError]:
    """What each source offers, or the error that it ended in; asked one after the other."""
    for spec in _specs(sources):
        try:
            yield _checked(spec, spec.cards())
        except Exception as error:  # a plugin's source may raise anything
            yield _as_ours(spec, error)


def _unlisted(name: str, revision: str, sources: Collection[str] | None) -> Iterator[Offer | SinkdError]:
    """A revision that a source has though it does not list it, or the error that asking ended in."""
    for spec in _specs(sources):
        try:
            card = spec.card_at(name, revision) if spec.card_at else None
            if card is not None:
                yield _checked(spec, [card])[0]
        except Exception as error:  # a plugin's source may raise anything
            yield _as_ours(spec, error)


def _specs(sources: Collection[str] | None) -> Iterator[ZooSourceSpec]:
    return (entry.spec for entry in catalog().zoo_sources if sources is None or entry.spec.name in sources)


def _as_ours(source: ZooSourceSpec, error: Exception) -> SinkdError:
    """An error in the project's words; a package that is missing is told of as everywhere else."""
    if isinstance(error, ModuleNotFoundError):
        error = missing_extra(error) or error
    if isinstance(error, SinkdError):
        return error
    return PluginError(f"The zoo source '{source.name}' failed.", received=repr(error))


def _checked(source: ZooSourceSpec, cards: Sequence[ZooCard]) -> list[Offer]:
    for card in cards:
        for what, text in (("Names", card.name), ("Revisions", card.revision)):
            if {*text} & {*"/\\:@\0"} or text in {"", ".", ".."}:
                raise PluginError(f"{what} in the zoo source '{source.name}' must be plain.", received=repr(text))
    return [Offer(source=source, card=card) for card in cards]


def _unknown(name: str, revision: str | None, seen: Sequence[Offer]) -> SinkdError:
    known = {offer.card.name for offer in seen}
    if revision is not None and name in known:
        revisions = {offer.card.revision for offer in seen if offer.card.name == name}
        return unknown_name(f"revision of '{name}'", revision, revisions)
    return unknown_name("student in the zoo", name, known)
