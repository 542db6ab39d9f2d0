"""What the environment says of the network: offline, how long to wait, tokens."""

from __future__ import annotations

import math
import os
from urllib.parse import urlsplit

from sinkd_plugin.errors import ConfigError, DownloadError

OFFLINE_VARIABLES = ("SINKD_OFFLINE", "HF_HUB_OFFLINE")
TIMEOUT_VARIABLE = "SINKD_ZOO_TIMEOUT"
TOKENS_VARIABLE = "SINKD_ZOO_TOKENS"

DEFAULT_TIMEOUT_S = 30.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class OfflineError(DownloadError):
    """The network may not be used."""


def require_online(place: str) -> None:
    """Refuse to use the network where the user has said so.

    Raises:
        OfflineError: If ``SINKD_OFFLINE`` or ``HF_HUB_OFFLINE`` is set; nothing was sent.
    """
    for variable in _set_variables():
        raise OfflineError(
            f"'{place}' cannot be asked offline.",
            received=f"{variable}={os.environ[variable]}",
            cure="Unset it; or run `sinkd zoo download NAME --to FOLDER` where there is a network, and bring FOLDER "
            "here: it is a model like any other.",
        )


def is_offline() -> bool:
    """Whether the user has said that the network may not be used."""
    return bool(_set_variables())


def _set_variables() -> list[str]:
    return [name for name in OFFLINE_VARIABLES if os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")]


def timeout_s() -> float:
    """The longest wait for a server's next word, in seconds.

    Raises:
        ConfigError: If ``SINKD_ZOO_TIMEOUT`` is no positive number.
    """
    text = os.environ.get(TIMEOUT_VARIABLE, str(DEFAULT_TIMEOUT_S))
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ConfigError(f"'{TIMEOUT_VARIABLE}' must be a positive number of seconds.", received=f"'{text}'")
    return seconds


def authorization(url: str) -> dict[str, str]:
    """The header for a host that ``SINKD_ZOO_TOKENS`` (``HOST=TOKEN``, separated by spaces or commas) has a token for.

    A token goes to its own host only, and never unencrypted over a network.

    Raises:
        ConfigError: If the variable is not of this form; the message does not repeat it.
    """
    parts = urlsplit(url)
    token = _tokens().get(parts.netloc.lower())
    if token is None or not (parts.scheme == "https" or is_loopback(url)):
        return {}
    return {"Authorization": f"Bearer {token}"}


def is_loopback(url: str) -> bool:
    """Whether an address is of this machine."""
    return urlsplit(url).hostname in _LOOPBACK


def _tokens() -> dict[str, str]:
    pairs = [word.partition("=") for word in os.environ.get(TOKENS_VARIABLE, "").replace(",", " ").split()]
    if not all(host and token and token.isascii() for host, _, token in pairs):
        raise ConfigError(f"'{TOKENS_VARIABLE}' must be HOST=TOKEN, several separated by spaces or commas.")
    return {host.lower(): token for host, _, token in pairs}
