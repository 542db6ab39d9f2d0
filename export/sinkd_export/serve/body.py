"""Bodies are read whole before anything else happens, within a size and a time; nothing larger is ever held."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sinkd_export.serve.options import ServeOptions
from sinkd_export.serve.refusal import RefusalError, busy


class BoundedBodies:
    """ASGI middleware that hands on requests whose body it has read.

    Args:
        app: What answers them.
        options: The limits.
    """

    def __init__(self, app: ASGIApp, options: ServeOptions) -> None:
        self._app = app
        self._options = options
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, refuse it or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = bytearray()
        try:
            self._check_announced(scope)
            await asyncio.wait_for(self._read(body, receive), self._options.body_seconds)
        except asyncio.TimeoutError:
            slow = RefusalError(408, "slow_body", f"A body must arrive within {self._options.body_seconds:g} seconds.")
            await _close_with(slow, scope, receive, send)
        except RefusalError as refusal:
            await _close_with(refusal, scope, receive, send)
        except ConnectionError:
            return
        else:
            await self._app(scope, _replay(bytes(body), receive), send)
        finally:
            self._held -= len(body)

    def _check_announced(self, scope: Scope) -> None:
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._options.max_body_bytes:
            raise self._too_large()

    async def _read(self, body: bytearray, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            chunk = message.get("body", b"")
            if len(body) + len(chunk) > self._options.max_body_bytes:
                raise self._too_large()
            if self._held + len(chunk) > self._options.max_held_bytes:
                raise busy(f"Requests of {self._held} bytes are held, and at most {self._options.max_held_bytes} may.")
            body += chunk
            self._held += len(chunk)
            if not message.get("more_body", False):
                return

    def _too_large(self) -> RefusalError:
        return RefusalError(413, "body_too_large", f"A body has at most {self._options.max_body_bytes} bytes.")


async def _close_with(refusal: RefusalError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without reading the rest: the connection cannot be used again."""
    refusal.headers["Connection"] = "close"
    await refusal.response()(scope, receive, send)


def _replay(body: bytes, receive: Receive) -> Receive:
    messages: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return messages.pop() if messages else await receive()

    return next_message
