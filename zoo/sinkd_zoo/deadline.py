"""An end to a transfer, whatever the server does."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Sequence
from types import TracebackType

from sinkd_plugin.errors import DownloadError


class TooSlowError(DownloadError):
    """A server took longer than a transfer may take."""


class Deadline:
    """Shuts the sockets of a transfer down when its time is over.

    A timeout on each read does not bound a server that sends a byte now and then, least of all in its headers, which
    the HTTP client reads to their end before it returns.

    Args:
        seconds: How long everything together may take.
        sockets: Those of the transfer, which may still become more.
    """

    def __init__(self, seconds: float, sockets: Sequence[socket.socket]) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._sockets = sockets
        self._timer = threading.Timer(seconds, self._shut_down)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._timer.cancel()

    @property
    def left(self) -> float:
        """Seconds that are left, not below 0."""
        return max(0.0, self._end - time.monotonic())

    def require_time(self, what: str) -> None:
        """Go on only while there is time.

        Raises:
            TooSlowError: If there is none left.
        """
        if not self.left:
            raise TooSlowError(
                f"{what} must arrive within {self.seconds:.0f} s.",
                received="a server or a connection that is slower",
                cure="Run it again: what has arrived is kept. SINKD_ZOO_TIMEOUT allows more time.",
            )

    def _shut_down(self) -> None:
        for each in list(self._sockets):
            with contextlib.suppress(OSError):  # closed already, or part of an encrypted one by now
                each.shutdown(socket.SHUT_RDWR)
