"""GET requests as the zoo makes them: few redirects, none to a weaker protocol, failures in the project's words."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from sinkd_plugin.errors import DownloadError
from sinkd_plugin.version import __version__
from sinkd_zoo.deadline import Deadline
from sinkd_zoo.settings import TOKENS_VARIABLE, authorization, timeout_s

MOST_REDIRECTS = 5
_MAY_PASS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers of a server that may change when it is asked again."""

_CURES = {
    401: f"Give a token: {TOKENS_VARIABLE}=HOST=TOKEN.",
    403: f"Ask whoever runs it for access, and give the token: {TOKENS_VARIABLE}=HOST=TOKEN.",
    404: "Check the address; it must be the folder that holds index.json.",
    429: "Wait, and run it again.",
}


class RefusedError(DownloadError):
    """An address that will not deliver, however often it is asked."""


class InterruptedTransferError(DownloadError):
    """A transfer that may go on when it is tried again.

    Args:
        rule: See ``SinkdError``.
        received: See ``SinkdError``.
        cure: See ``SinkdError``.
        wait_s: How long the server asks to wait, in seconds, or ``None``.
    """

    def __init__(self, rule: str, *, received: object, cure: str = "", wait_s: float | None = None) -> None:
        super().__init__(rule, received=received, cure=cure or "Check the network, and run it again.")
        self.wait_s = wait_s


class Web:
    """An HTTP client for one transfer.

    ``sockets`` are those that it has opened, some of which may be closed by now.
    """

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        self._client = httpx.Client(
            timeout=timeout_s(),
            headers={"User-Agent": f"sinkd/{__version__}", "Accept-Encoding": "identity"},
            limits=httpx.Limits(max_keepalive_connections=4),
        )

    def __enter__(self) -> Web:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._client.close()

    @contextmanager
    def get(self, url: str, deadline: Deadline, headers: Mapping[str, str] | None = None) -> Iterator[httpx.Response]:
        """The answer to a request, of status 200, 206 or 416, its body still to be read.

        Args:
            url: An ``https`` or ``http`` address.
            deadline: Ends the transfer.
            headers: Further headers.

        Raises:
            RefusedError: If the server says no, or redirects where it must not.
            InterruptedTransferError: If it cannot be reached, hangs up, or is busy; also while the body is read.
            TooSlowError: If the time is over.
        """
        with _translated(url, deadline):
            response = self._follow(url, deadline, headers or {})
            try:
                _require_success(response, url)
                yield response
            finally:
                response.close()

    def _watch(self, event: str, details: Mapping[str, Any]) -> None:
        """The HTTP client's ``trace`` extension: it tells of the connections that are made for a request."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self.sockets.append(details["return_value"].get_extra_info("socket"))

    def _follow(self, url: str, deadline: Deadline, headers: Mapping[str, str]) -> httpx.Response:
        here = url
        for _ in range(MOST_REDIRECTS + 1):
            deadline.require_time(f"'{url}'")
            request = self._client.build_request(
                "GET", here, headers={**headers, **authorization(here)}, extensions={"trace": self._watch}
            )
            response = self._client.send(request, stream=True, follow_redirects=False)
            if not response.has_redirect_location:
                return response
            response.close()
            here = _redirected(here, response.headers["Location"])
        raise RefusedError(
            f"'{url}' must lead to a file in at most {MOST_REDIRECTS} redirects.",
            received="one more",
            cure="Tell whoever runs the server.",
        )


def _redirected(here: str, location: str) -> str:
    there = urljoin(here, location)
    old, new = urlsplit(here), urlsplit(there)
    weaker = old.scheme == "https" and new.scheme != "https"
    if weaker or new.scheme not in ("https", "http") or not new.hostname or new.username:
        raise RefusedError(
            "A redirect must lead to https://, or from http:// to http://.",
            received=f"'{new.scheme}://{new.hostname or ''}' from '{here}'",
            cure="Tell whoever runs the server.",
        )
    return there


def _require_success(response: httpx.Response, url: str) -> None:
    status = response.status_code
    if status in (200, 206, 416):
        return
    rule, received = f"'{url}' must be there to be fetched.", f"{status} {response.reason_phrase}".strip()
    if status in _MAY_PASS:
        wait_s = _wait_s(response.headers.get("Retry-After"))
        asks = "" if wait_s is None else f", and to wait {wait_s:.0f} s"
        raise InterruptedTransferError(rule, received=received + asks, cure=_CURES.get(status, ""), wait_s=wait_s)
    raise RefusedError(rule, received=received, cure=_CURES.get(status, "Tell whoever runs the server."))


def _wait_s(text: str | None) -> float | None:
    """What ``Retry-After`` asks for: seconds, or a date."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(timezone.utc)).total_seconds())
    except (TypeError, ValueError):
        return None


@contextmanager
def _translated(url: str, deadline: Deadline) -> Iterator[None]:
    try:
        yield
    except (httpx.TransportError, httpx.InvalidURL, httpx.StreamError) as error:
        deadline.require_time(f"'{url}'")  # a socket that we shut down looks like a server that hung up
        reason = str(error) or type(error).__name__
        if _is_untrusted(error):
            raise RefusedError(
                f"The certificate of '{urlsplit(url).netloc}' must be one that this machine trusts.",
                received=reason,
                cure="SSL_CERT_FILE names the file of an authority of your own.",
            ) from error
        if isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL)):
            raise RefusedError("An address must be of http:// or https://.", received=f"'{url}'") from error
        raise InterruptedTransferError(f"'{url}' must be reachable.", received=reason) from error


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
