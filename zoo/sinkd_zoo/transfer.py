"""One file from the web: resumed where it stopped, even after a kill, and never under its name before it is right."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from sinkd_plugin.errors import ChecksumError, DownloadError, SinkdError
from sinkd_plugin.storage import locked, sha256, storage_errors
from sinkd_zoo.deadline import Deadline
from sinkd_zoo.settings import timeout_s
from sinkd_zoo.web import InterruptedTransferError, RefusedError, Web

SLOWEST = 2**15
"""Bytes a second that a transfer must reach on the whole."""

MOST_IDLE = 4
"""Attempts in a row without a new byte, after which an address is given up."""

_LONGEST_PAUSE_S = 8.0

Advance = Callable[[int], None]
"""Told the bytes that arrived; a negative number where some have to be fetched again."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A file to fetch.

    Args:
        name: What to call it in messages.
        urls: Addresses that should have it, in the order to try.
        digest: Its sha256.
        size: Its bytes.
    """

    name: str
    urls: Sequence[str]
    digest: str
    size: int


class WrongContentError(ChecksumError):
    """What arrives is not the file that was published."""


def fetch_file(web: Web, wanted: Wanted, target: Path, parts: Path, advance: Advance) -> None:
    """Fetch a file, verify it, and give it its name.

    What has arrived lies in ``parts`` under the sha256 that the whole must have; whoever asks for the same content
    next goes on with it. Every address has its own time, and content that turns out wrong is fetched once more.

    Args:
        web: The client.
        wanted: The file.
        target: Where it shall appear, on the file system of ``parts``.
        parts: Folder for what has arrived.
        advance: See ``Advance``.

    Raises:
        DownloadError: If no address delivers it in time.
        ChecksumError: If what its only address delivers is not what was published.
        StorageError: If it cannot be written; what has arrived stays.
    """
    part = parts / f"{wanted.digest}.part"
    failures: list[SinkdError] = []
    with locked(part), storage_errors(target):
        part.touch()
        advance(part.stat().st_size)
        for url in wanted.urls:
            try:
                with Deadline(2 * timeout_s() + wanted.size / SLOWEST, web.sockets) as deadline:
                    _Transfer(web, wanted, url, part, deadline, advance).run()
            except (DownloadError, WrongContentError) as error:
                failures.append(error)
            else:
                part.replace(target)
                return
    raise _failure(wanted, failures)


def _failure(wanted: Wanted, failures: Sequence[SinkdError]) -> SinkdError:
    if len(failures) == 1:
        return failures[0]
    return DownloadError(
        f"One of the {len(failures)} addresses of '{wanted.name}' must deliver it.",
        received=" | ".join(map(str, failures)),
    )


class _Transfer:
    """The attempts at one file from one address."""

    def __init__(self, web: Web, wanted: Wanted, url: str, part: Path, deadline: Deadline, advance: Advance) -> None:
        self._web = web
        self._wanted = wanted
        self._url = url
        self._part = part
        self._deadline = deadline
        self._advance = advance

    def run(self) -> None:
        """Try until the file is right, or there is no hope."""
        try:
            self._collect()
        except WrongContentError:
            self._drop()
            try:
                self._collect()
            except WrongContentError:
                self._drop()
                raise

    def _collect(self) -> None:
        """Fetch what is missing, in as many attempts as bring something new, and verify the whole."""
        best, idle = self._size(), 0
        while True:
            try:
                self._attempt()
            except InterruptedTransferError as error:
                idle = 0 if self._size() > best else idle + 1
                best = max(best, self._size())
                self._pause(error, idle)
            else:
                break
        found = sha256(self._part)
        if found != self._wanted.digest:
            raise self._wrong(f"sha256 {found}", self._wanted.digest)

    def _attempt(self) -> None:
        have = self._size()
        if have == self._wanted.size:
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        with self._web.get(self._url, self._deadline, headers) as response:
            _require_plain(response, self._url)
            start, whole = _extent(response)
            if start not in (0, have) or whole not in (None, self._wanted.size):
                raise self._wrong(f"{'other' if whole is None else whole} bytes", f"{self._wanted.size} bytes")
            self._advance(start - have)
            self._append(response, start)
        if self._size() < self._wanted.size:
            raise InterruptedTransferError(
                f"'{self._wanted.name}' must arrive whole.",
                received=f"{self._size()} of {self._wanted.size} bytes from '{self._url}'",
            )

    def _append(self, response: httpx.Response, start: int) -> None:
        with self._part.open("r+b") as stream:
            stream.truncate(start)
            stream.seek(start)
            for block in response.iter_raw():  # as it arrives: blocks of a fixed size would be lost with a cut
                if stream.tell() + len(block) > self._wanted.size:
                    raise self._wrong("more bytes", f"{self._wanted.size}")
                stream.write(block)
                stream.flush()  # what has arrived shall survive a kill
                self._advance(len(block))
                self._deadline.require_time(f"'{self._wanted.name}'")

    def _pause(self, error: InterruptedTransferError, idle: int) -> None:
        """Wait before the next attempt, as long as the server asks for; not at all while there is progress."""
        wait_s = error.wait_s if error.wait_s is not None else _backoff_s(idle)
        if idle >= MOST_IDLE or wait_s >= self._deadline.left:
            raise error
        time.sleep(wait_s)

    def _drop(self) -> None:
        self._advance(-self._size())
        with self._part.open("wb"):
            pass

    def _size(self) -> int:
        return self._part.stat().st_size

    def _wrong(self, found: str, expected: str) -> WrongContentError:
        return WrongContentError(
            f"'{self._wanted.name}' must be the file on its card.",
            received=f"{found} from '{self._url}', on the card is {expected}",
            cure="Tell whoever publishes it; nothing of it was kept.",
        )


def _require_plain(response: httpx.Response, url: str) -> None:
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise RefusedError(
            f"'{url}' must be sent as it is.",
            received=f"Content-Encoding {encoding}",
            cure="Tell whoever runs the server.",
        )


def _extent(response: httpx.Response) -> tuple[int, int | None]:
    """Where the body begins in the file, -1 if nowhere in it, and how large the server says that the file is."""
    if response.status_code == 200:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else None
    extent = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    return (int(extent[1]), int(extent[2])) if extent and response.status_code == 206 else (-1, None)


def _backoff_s(idle: int) -> float:
    """Longer from time to time, and never in step with other processes."""
    return min(_LONGEST_PAUSE_S, 2.0**idle / 4) * random.uniform(0.5, 1) if idle else 0.0  # noqa: S311
