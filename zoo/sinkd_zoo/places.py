"""Where zoos lie: the places that ``SINKD_ZOO`` or ``--source`` names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from urllib.request import url2pathname

from sinkd_plugin.errors import ConfigError
from sinkd_zoo.index import FILE

VARIABLE = "SINKD_ZOO"
"""Environment variable with the places, separated as in ``PATH``."""

Kind = Literal["folder", "https", "hub"]
KINDS: tuple[Kind, ...] = ("folder", "https", "hub")

_SEPARATOR = re.escape(os.pathsep)
_PLACE = re.compile(
    # an address with its own colons, those of the scheme and of the port, or a folder
    rf"[A-Za-z][A-Za-z0-9+.-]+://(?:\[[^\]]*\]|[^{_SEPARATOR}/\[])*(?::\d+(?=[/{_SEPARATOR}]|$))?[^{_SEPARATOR}]*"
    rf"|[^{_SEPARATOR}]+"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_KIND_OF: dict[str, Kind] = {"file": "folder", "http": "https", "https": "https", "hf": "hub"}

_chosen: ContextVar[tuple[str, ...] | None] = ContextVar("chosen", default=None)


@contextmanager
def only(places: Sequence[str]) -> Iterator[None]:
    """Look at these places and no others, whatever ``SINKD_ZOO`` says; none changes nothing."""
    if not places:
        yield
        return
    for place in places:
        kind_of(place)
    token = _chosen.set(tuple(places))
    try:
        yield
    finally:
        _chosen.reset(token)


def is_restricted() -> bool:
    """Whether ``only`` is in force."""
    return _chosen.get() is not None


def sources_to_ask() -> tuple[str, ...] | None:
    """Names of the sources to ask, ``None`` for all: where places were chosen, only the sources that look at places."""
    return KINDS if is_restricted() else None


def places(kind: Kind) -> list[str]:
    """The places of one kind, in their order.

    Raises:
        ConfigError: If an address has another scheme.
    """
    chosen = _chosen.get()
    found = _PLACE.findall(os.environ.get(VARIABLE, "")) if chosen is None else chosen
    return [place for place in found if kind_of(place) == kind]


def kind_of(place: str) -> Kind:
    """What kind of place this is.

    Raises:
        ConfigError: If it is an address of another scheme.
    """
    scheme = _SCHEME.match(place)
    if scheme is None:
        return "folder"
    kind = _KIND_OF.get(scheme[1].lower())
    if kind is None:
        raise ConfigError(
            "A zoo must be a folder, or an address that begins with https://, http://, file:// or hf://.",
            received=f"'{place}'",
            cure=f"Correct {VARIABLE} or --source.",
        )
    return kind


def folder_of(place: str) -> Path:
    """A place of the kind ``folder`` as a path.

    Raises:
        ConfigError: If a ``file://`` address names another machine.
    """
    if _SCHEME.match(place) is None:
        return Path(place).expanduser()
    parts = urlsplit(place)
    if parts.hostname not in (None, "localhost"):
        raise ConfigError("A file:// address must name a folder of this machine.", received=f"'{place}'")
    return Path(url2pathname(parts.path))


def folder_to_write(place: str) -> Path:
    """A place to publish to, as a path.

    Raises:
        ConfigError: If it is a web server, which only serves what lies in its folder.
    """
    if kind_of(place) != "folder":
        raise ConfigError(
            "A student is published to a folder, or to hf://ORGANISATION/NAME.",
            received=f"'{place}'",
            cure="Publish to a folder, and copy it to where the server serves it from.",
        )
    return folder_of(place)


def address_of(place: str) -> str:
    """A place of the kind ``https`` as the address that its files lie under, with a slash at its end.

    Raises:
        ConfigError: If it has no host, or holds a password, a query or a fragment.
    """
    parts = urlsplit(place)
    if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "The address of a zoo must be a plain https://HOST[:PORT]/PATH.",
            received=f"'{parts.scheme}://{parts.hostname or ''}…'",  # never the password
            cure="Give a token with SINKD_ZOO_TOKENS, and leave out ? and #.",
        )
    return f"{place.removesuffix(FILE).rstrip('/')}/"
