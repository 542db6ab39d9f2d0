"""The sources that need the network, as records; what they are made of is imported when a place of theirs is named.

``httpx`` and ``huggingface_hub`` come with the extra ``zoo``; bundled students and folders need neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sinkd_plugin.specs import ZooCard, ZooSourceSpec
from sinkd_zoo.places import VARIABLE, places


def _https_cards() -> Sequence[ZooCard]:
    if not places("https"):
        return ()
    from sinkd_zoo.https_source import cards

    return cards()


def _https_fetch(card: ZooCard, into: Path) -> None:
    from sinkd_zoo.https_source import fetch

    fetch(card, into)


def _hub_cards() -> Sequence[ZooCard]:
    if not places("hub"):
        return ()
    from sinkd_zoo.hub_source import cards

    return cards()


def _hub_card_at(name: str, revision: str) -> ZooCard | None:
    if not places("hub"):
        return None
    from sinkd_zoo.hub_source import card_at

    return card_at(name, revision)


def _hub_fetch(card: ZooCard, into: Path) -> None:
    from sinkd_zoo.hub_source import fetch

    fetch(card, into)


WEB_SOURCES = (
    ZooSourceSpec(
        name="https",
        summary=f"Static zoos behind any web server or bucket: the https:// addresses in {VARIABLE}.",
        cards=_https_cards,
        fetch=_https_fetch,
    ),
    ZooSourceSpec(
        name="hub",
        summary=f"Repositories of a model hub: the hf://ORGANISATION/NAME[@REVISION] in {VARIABLE}.",
        cards=_hub_cards,
        fetch=_hub_fetch,
        card_at=_hub_card_at,
    ),
)
