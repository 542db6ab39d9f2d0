"""The source ``https``: static zoos behind any web server or bucket."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import urlsplit

from sinkd_plugin.console import note
from sinkd_plugin.errors import StorageError
from sinkd_plugin.specs import ZooCard
from sinkd_plugin.zoo_cache import zoo_folder
from sinkd_zoo.contents import require_harmless
from sinkd_zoo.deadline import Deadline
from sinkd_zoo.index import FILE, LARGEST_INDEX, Student, parse_index
from sinkd_zoo.parts import PARTS
from sinkd_zoo.places import address_of, places
from sinkd_zoo.settings import is_loopback, require_online, timeout_s
from sinkd_zoo.transfer import Wanted, fetch_file
from sinkd_zoo.transfer_bar import transfer_bar
from sinkd_zoo.web import RefusedError, Web
from sinkd_zoo.zoos import students_of


def cards() -> list[Student]:
    """The students of every zoo.

    Raises:
        SinkdError: If none of the zoos can be read.
    """
    return students_of([address_of(place) for place in places("https")], _read)


def _read(address: str) -> list[Student]:
    require_online(address)
    if urlsplit(address).scheme == "http" and not is_loopback(address):
        note(f"'{address}' is not encrypted: whoever is on the way can change its index, and so its files.")
    with (
        Web() as web,
        Deadline(4 * timeout_s(), web.sockets) as deadline,
        web.get(address + FILE, deadline) as response,
    ):
        text = bytearray()
        for block in response.iter_bytes():
            text += block
            if len(text) > LARGEST_INDEX:
                break  # parsing refuses it
    return parse_index(bytes(text), address)


def fetch(card: ZooCard, into: Path) -> None:
    """Fetch a student's files, each verified before it appears.

    Args:
        card: A card that ``cards`` returned.
        into: A folder that exists and is empty, in the cache.

    Raises:
        DownloadError: If a file cannot be fetched; what has arrived is kept for the next time.
        ChecksumError: If a file is not the one that was published.
        UnsafeContentError: If loading the student could run code.
        StorageError: If the disk is, or would become, full.
    """
    if not isinstance(card, Student):
        raise TypeError(f"a card of this source is needed, not {card!r}")
    require_online(card.place)
    parts = zoo_folder() / PARTS
    parts.mkdir(parents=True, exist_ok=True)
    _require_room(card, parts)
    with Web() as web, transfer_bar(card.name, sum(card.sizes.values())) as advance:
        for name, digest in card.files.items():
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            wanted = Wanted(name=name, urls=_addresses(card, name), digest=digest, size=card.sizes[name])
            fetch_file(web, wanted, target, parts, advance)
    require_harmless(into, card.files, f"The student '{card.name}' from '{card.place}'")


def _addresses(card: Student, name: str) -> list[str]:
    inner = name if card.folder == "." else f"{card.folder}/{name}"
    return [f"{base.rstrip('/')}/{inner}" for base in (card.place, *_mirrors(card))]


def _mirrors(card: Student) -> tuple[str, ...]:
    weaker = [url for url in card.mirrors if card.place.startswith("https://") and not url.startswith("https://")]
    if weaker:
        raise RefusedError(
            "The mirrors of an encrypted zoo must be encrypted, too.",
            received=f"'{weaker[0]}' in the index of '{card.place}'",
            cure="Tell whoever publishes it.",
        )
    return card.mirrors


def _require_room(card: Student, parts: Path) -> None:
    arrived = [parts / f"{digest}.part" for digest in card.files.values()]
    needed = sum(card.sizes.values()) - sum(part.stat().st_size for part in arrived if part.exists())
    free = shutil.disk_usage(parts).free
    if needed > free:
        raise StorageError(
            f"'{card.name}' needs {needed} bytes in '{parts.parent}'.",
            received=f"{free} bytes of room",
            cure="Make room (`sinkd zoo prune` removes what is no longer needed), or set SINKD_HOME to another disk.",
        )
